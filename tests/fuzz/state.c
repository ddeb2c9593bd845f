/*
 * fuzz-state - what one part of the shim tells the next, under libFuzzer (`make fuzz`)
 *
 * What is read must be written as it was read; and what is written, with the input for a text, must
 * be read again, whatever it stands in.
 */
#include "fuzz.h"

#include "../../src/state.h"
#include "../../src/text.h"

static bool is_same_text(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

static void try_input(char *input, size_t size)
{
	static char quoted[2 * LARGEST_STATE];
	struct state state, again;
	char *word;

	(void)size;
	if (read_state(input, &state)) {
		word = write_state(&state);
		/* but for a state of nothing, which is none */
		assert(read_state(word, &again) || !strchr(word, ' '));
		assert(strcmp(word, write_state(&again)) == 0);
	}
	state = (struct state){ .conmon = "/bin/conmon", .callers = input, .retries = 3 };
	word = write_state(&state);
	assert(word && strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789%/._-= ") == strlen(word));
	snprintf(quoted, sizeof quoted, "[engine]\nconmon_env_vars = [\"A=b\", \"%s\", \"C=d\"]\n",
		 word);
	assert(read_state(quoted, &again));
	assert(is_same_text(again.callers, input) && is_same_text(again.conmon, state.conmon));
	assert(!again.lock && again.retries == 3);
}
