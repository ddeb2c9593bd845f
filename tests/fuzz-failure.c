/*
 * fuzz-failure - the telling of the failure from podman's stderr, under libFuzzer (`make fuzz`)
 *
 * The first byte of the input is the length of the pieces in which its rest arrives. Neither that
 * nor what came before may matter to the answer; lines of podman's log come whole. What is late,
 * and passed on meanwhile, may only keep podman from being asked again.
 */
#include "fuzz.h"

enum { LINE_BY_LINE, AT_ONCE = 1 << 20 };

/* Returns the length of the piece that begins at `piece`, of at least `length` bytes. */
static size_t piece_length(const char *text, const char *piece, const char *end, size_t length)
{
	const char *last = length < (size_t)(end - piece) ? piece + length : end;
	const char *line;

	if (length == LINE_BY_LINE)
		return line_length(piece, end);
	line = line_begin(text, last);
	if (!begins_as_error(line, (size_t)(end - line)))
		last = line + line_length(line, end);
	return (size_t)(last - piece);
}

/* Returns whether `text`, in pieces of `length` bytes, tells of the failure; each piece is passed
   on before the next if they are `late`. */
static bool tells(const char *text, size_t size, size_t length, bool late)
{
	static struct relay relay;
	const char *end = text + size;

	relay = (struct relay){ .holds = HOLDS_FAILURE, .filters = true, .at_line = true };
	for (const char *piece = text; piece < end;) {
		const size_t count = piece_length(text, piece, end, length);

		memcpy(relay.text + relay.used, piece, count);
		relay.used += count;
		piece += count;
		hold(&relay);
		if (late) {
			seconds += HOLD_TIME / 1000;
			end_hold(&relay);
			assert(relay.loose == relay.used);
		}
	}
	return read_tale(&relay).failure;
}

static void try_input(char *input, size_t size)
{
	static const char other[] = "another line\n";
	const size_t before = sizeof other - 1, length = size ? (unsigned char)*input : 0;
	const char *text = size ? input + 1 : input;
	char *longer = malloc(before + size + 1 + before);
	bool failure;

	size -= size > 0;
	failure = tells(text, size, AT_ONCE, false);
	assert(failure == tells(text, size, length, false));
	assert(failure == tells(text, size, LINE_BY_LINE, true));
	assert(failure || !tells(text, size, length, true));
	assert(!failure || (contains(text, size, "Error:") && contains(text, size, "OCI") &&
			    contains(text, size, "ping_group_range")));

	memcpy(longer, other, before);
	memcpy(longer + before, text, size);
	longer[before + size] = '\n';
	memcpy(longer + before + size + 1, other, before);
	assert(failure == tells(longer, before + size, AT_ONCE, false));
	assert(!tells(longer, before + size + 1 + before, length, false));
}
