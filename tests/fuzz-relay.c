/*
 * fuzz-relay - the relay of podman's stderr under libFuzzer (`make fuzz`)
 *
 * The input's lines say what happens in turn, the first what the relay is: see act() and open_it().
 * What has come out, and what the relay holds, is at any time what has come in; what may be dropped
 * for a retry is whole lines of the failure's, at the end; and nothing is held for longer than
 * HOLD_TIME.
 */
#include "fuzz.h"

static struct relay relay;
static int caller[2]; /* the reader's end, and the one that the caller has given as stderr */
static char came[1 << 20], went[1 << 20];
static size_t came_in, came_out;

/* Opens the relay as `line` says: h, n, a: what it holds; s: it leads to a socket. */
static void open_it(const char *line, size_t length)
{
	const bool names_too = memchr(line, 'n', length), all = memchr(line, 'a', length);

	if (memchr(line, 's', length))
		assert(socketpair(AF_UNIX, SOCK_STREAM, 0, caller) == 0);
	else
		assert(pipe(caller) == 0);
	fcntl(caller[0], F_SETFL, O_NONBLOCK);
	assert(!open_relay(&relay, caller[1],
			   all         ? HOLDS_ALL
			   : names_too ? HOLDS_NAMES
				       : HOLDS_FAILURE,
			   names_too || all));
	fcntl(relay.podmans_end, F_SETFL, O_NONBLOCK);
	came_in = came_out = 0;
}

/* The caller reads, `most` bytes if there are so many. Returns whether there were any. */
static bool read_out(size_t most)
{
	const size_t room = sizeof went - came_out;
	const ssize_t length = read(caller[0], went + came_out, most < room ? most : room);

	came_out += length > 0 ? (size_t)length : 0;
	return length > 0;
}

/* Podman writes; what there is no room for is not written. */
static void write_in(const char *text, size_t length)
{
	const size_t room = sizeof came - came_in;
	const ssize_t written = write(relay.podmans_end, text, length < room ? length : room);

	if (written > 0) {
		memcpy(came + came_in, text, (size_t)written);
		came_in += (size_t)written;
	}
}

/* The supervisor's turn. */
static int turn(void)
{
	struct pollfd ready[2];

	prepare_poll(&relay, ready);
	if (poll(ready, LENGTH(ready), 0) > 0)
		heed_poll(&relay, ready);
	end_hold(&relay);
	return pass_on(&relay);
}

/* All has its turn, until nothing happens any more; then what came in is out, or held. */
static void settle_down(void)
{
	int done;

	do {
		done = turn();
		done += read_out(SIZE_MAX);
	} while (done);
	assert(relay.loose == 0);
	assert(came_out + relay.used == came_in);
	assert(memcmp(came, went, came_out) == 0);
	assert(memcmp(came + came_out, relay.text, relay.used) == 0);
}

/* Does what `line` says: w, podman writes the rest of it; l, and a newline; m, again and again; r,
   the caller reads up to as many bytes as there are in it; t, time passes. */
static void act(const char *line, size_t length)
{
	static char much[RELAY_SIZE];
	const char *rest = line + 1;

	switch (*line) {
	case 'w': write_in(rest, length - 1); break;
	case 'l':
		write_in(rest, length - 1);
		write_in("\n", 1);
		break;
	case 'm':
		for (size_t i = 0; length > 1 && i < sizeof much; i++)
			much[i] = rest[i % (length - 1)];
		write_in(much, length > 1 ? sizeof much : 0);
		break;
	case 'r': read_out(length); break;
	case 't':
		settle_down();
		seconds += HOLD_TIME / 1000;
		settle_down();
		assert(relay.used == 0 || relay.holds == HOLDS_ALL);
		break;
	}
	turn();
}

/* What is dropped for a retry is what podman has told of the failure, at the end. */
static void drop(void)
{
	const char *end = relay.text + relay.used;

	assert(relay.used == 0 || came_out == 0 || went[came_out - 1] == '\n');
	for (const char *line = relay.text; line < end; line += line_length(line, end))
		assert(classify_line(line, line_length(line, end)) != SAYS_NOTHING ||
		       begins_as_error(line, (size_t)(end - line)));
}

static void try_input(char *input, size_t size)
{
	static char name[] = "web", other_name[] = "database", *list[] = { name, other_name, NULL };
	const char *line = input, *end = input + size;
	size_t length;

	operand_names = list;
	length = line_length(line, end);
	open_it(line, length);
	for (line += length; line < end; line += length) {
		length = line_length(line, end);
		if (length > 1)
			act(line, length - (line[length - 1] == '\n'));
	}
	settle_down();
	if (read_tale(&relay).failure && relay.holds == HOLDS_FAILURE)
		drop();
	relay.filters = false;
	hold(&relay);
	drain(&relay);
	settle_down();
	assert(came_out == came_in);

	close(relay.podmans_end);
	close_relay(&relay);
	close(caller[0]);
	close(caller[1]);
}
