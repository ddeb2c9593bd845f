/*
 * What one part of the shim tells the next: one word, of characters that pass as they are through
 * TOML, an environment, conmon's options and argv.
 */
#include "shim.h"

#include "state.h"
#include "text.h"

/* The number is the format's: a podman that runs for long may execute another version of the shim
   than the one it was executed by. */
#define PREFIX STATE_VARIABLE "=1"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-"

static const struct field {
	const char *name;
	size_t offset;
	bool is_number;
} fields[] = {
	{ "conmon", offsetof(struct state, conmon), false },
	{ "ping", offsetof(struct state, ping), false },
	{ "variable", offsetof(struct state, variable), false },
	{ "callers", offsetof(struct state, callers), false },
	{ "lock", offsetof(struct state, lock), false },
	{ "log", offsetof(struct state, log), false },
	{ "command", offsetof(struct state, command), false },
	{ "lock_wait", offsetof(struct state, lock_wait), true },
	{ "retries", offsetof(struct state, retries), true },
	{ "backoff", offsetof(struct state, backoff), true },
	{ "runtime", offsetof(struct state, runtime), false },
	{ "passthrough", offsetof(struct state, passthrough), true },
	{ "hooks", offsetof(struct state, hooks), true },
};

static void encode(FILE *file, const char *value)
{
	for (; *value; value++)
		if (strchr(PLAIN, *value))
			fputc(*value, file);
		else
			fprintf(file, "%%%02X", (unsigned char)*value);
}

char *write_state(const struct state *state)
{
	char *word = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&word, &length);

	if (!file)
		die_without_memory();
	fputs(PREFIX, file);
	for (size_t i = 0; i < LENGTH(fields); i++) {
		const void *field = (const char *)state + fields[i].offset;

		if (fields[i].is_number) {
			if (*(const int *)field)
				fprintf(file, " %s=%d", fields[i].name, *(const int *)field);
		} else if (*(const char *const *)field) {
			fprintf(file, " %s=", fields[i].name);
			encode(file, *(const char *const *)field);
		}
	}
	if (fclose(file) != 0)
		die_without_memory();
	return length > LARGEST_STATE ? NULL : word;
}

/* Replaces `value` by what it means. Returns false if encode has not written it. */
static bool decode(char *value)
{
	char *to = value;

	for (const char *from = value; *from; from++) {
		*to = *from;
		if (*from == '%') {
			if (!isxdigit((unsigned char)from[1]) || !isxdigit((unsigned char)from[2]))
				return false;
			*to = (char)strtoul((char[]){ from[1], from[2], 0 }, NULL, 16);
			from += 2;
		}
		if (*from == '=' || !*to++)
			return false;
	}
	*to = 0;
	return true;
}

/* Reads `value` into the field `name`. Returns false if there is no such field, or value. */
static bool read_field(const char *name, char *value, struct state *state)
{
	for (size_t i = 0; i < LENGTH(fields); i++) {
		void *field = (char *)state + fields[i].offset;

		if (strcmp(fields[i].name, name) != 0)
			continue;
		if (fields[i].is_number)
			return (*(int *)field = number_of(value, INT_MAX)) >= 0;
		*(const char **)field = value;
		return decode(value);
	}
	return false;
}

bool read_state(const char *whole, struct state *state)
{
	const char *at = whole ? strstr(whole, PREFIX " ") : NULL;
	char *words = at ? text("%.*s", (int)strspn(at, PLAIN "%= "), at) : NULL, *word;
	bool is_state = at != NULL;

	*state = (struct state){ .conmon = NULL };
	strsep(&words, " "); /* the prefix */
	while (is_state && (word = strsep(&words, " "))) {
		const char *name = strsep(&word, "=");

		is_state = word && read_field(name, word, state);
	}
	if (!is_state)
		*state = (struct state){ .conmon = NULL };
	return is_state;
}
