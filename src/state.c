/*
 * What one part of the shim tells the next: one word, of characters that pass as they are through
 * TOML, an environment, conmon's options and argv.
 */
#include "shim.h"

#include <stddef.h>

#include "state.h"
#include "text.h"

/* The number is the format's: a podman that runs for long may execute another version of the shim
   than the one it was executed by. */
#define PREFIX STATE_VARIABLE "=1"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-"
static const char hexadecimal[] = "0123456789ABCDEF";

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
	for (; *value; value++) {
		const unsigned char byte = (unsigned char)*value;

		if (strchr(PLAIN, byte))
			fputc(byte, file);
		else
			fprintf(file, "%%%c%c", hexadecimal[byte >> 4], hexadecimal[byte & 15]);
	}
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
		const int number = fields[i].is_number ? *(const int *)field : 0;
		const char *value = fields[i].is_number ? NULL : *(const char *const *)field;

		if (number)
			fprintf(file, " %s=%d", fields[i].name, number);
		if (!value)
			continue;
		fprintf(file, " %s=", fields[i].name);
		encode(file, value);
	}
	if (fclose(file) != 0)
		die_without_memory();
	return length > LARGEST_STATE ? NULL : word;
}

/* Returns the byte of the two digits at `at`, or 0 if encode has not written them. */
static int byte_at(const char *at)
{
	const char *high = at[0] ? strchr(hexadecimal, at[0]) : NULL;
	const char *low = high && at[1] ? strchr(hexadecimal, at[1]) : NULL;

	return low ? (int)(high - hexadecimal) * 16 + (int)(low - hexadecimal) : 0;
}

/* Returns the text of the `length` bytes at `value`, or NULL if encode has not written them. */
static char *decode(const char *value, size_t length)
{
	char *decoded = text("%.*s", (int)length, value), *to = decoded;

	for (const char *from = decoded; *from; from++) {
		const int byte = *from == '%' ? byte_at(from + 1) : *from;

		if (!byte || *from == '=')
			return NULL;
		from += *from == '%' ? 2 : 0;
		*to++ = (char)byte;
	}
	*to = 0;
	return decoded;
}

/* Reads the `length` bytes at `word`, NAME=VALUE. Returns false if they are no field. */
static bool read_field(const char *word, size_t length, struct state *state)
{
	for (size_t i = 0; i < LENGTH(fields); i++) {
		const size_t name = strlen(fields[i].name);
		void *field = (char *)state + fields[i].offset;
		char *value;

		if (strncmp(word, fields[i].name, name) != 0 || word[name] != '=')
			continue;
		value = decode(word + name + 1, length - name - 1);
		if (!fields[i].is_number)
			return (*(const char **)field = value);
		return value && (*(int *)field = number_of(value, INT_MAX)) >= 0;
	}
	return false;
}

/* Reads the words from `at` to `end`, each with a blank before it. */
static bool read_fields(const char *at, const char *end, struct state *state)
{
	while (at < end) {
		const size_t length = strcspn(++at, " "), rest = (size_t)(end - at);

		if (!read_field(at, length < rest ? length : rest, state))
			return false;
		at += length < rest ? length : rest;
	}
	return true;
}

bool read_state(const char *word, struct state *state)
{
	const char *at = word ? skip_prefix(word, PREFIX) : NULL;

	*state = (struct state){ .conmon = NULL };
	if (at && *at == ' ' && read_fields(at, at + strspn(at, PLAIN "%= "), state))
		return true;
	*state = (struct state){ .conmon = NULL };
	return false;
}

bool find_state(const char *text, struct state *state)
{
	return read_state(strstr(text, STATE_VARIABLE "="), state);
}
