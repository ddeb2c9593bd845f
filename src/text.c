/*
 * Strings and lists of strings. What is made here need not be freed: there is little of it in a
 * shim's life.
 */
#include "shim.h"

#include "text.h"

void die_without_memory(void)
{
	fputs("podman-shim: no memory\n", stderr);
	exit(STATUS_FAILED);
}

size_t utf8_length(const char *at)
{
	const unsigned char *bytes = (const unsigned char *)at;
	unsigned first = bytes[0], second = first ? bytes[1] : 0;
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if ((first >= 0x80 && first < 0xc2) || first > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, and what lies beyond U+10FFFF */
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	return length;
}

size_t shown_length(const char *at)
{
	const size_t length = utf8_length(at);
	const bool is_control =
	    iscntrl((unsigned char)at[0]) || (at[0] == '\302' && (unsigned char)at[1] < 0xa0);

	return is_control ? 0 : length;
}

void make_printable(char *line, size_t length)
{
	for (char *at = line; at < line + length;) {
		const size_t shown = shown_length(at);

		if (!shown)
			*at = *at == '\n' ? ' ' : '?';
		at += shown ? shown : 1;
	}
}

char *text(const char *format, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, format);
	if (vasprintf(&result, format, arguments) < 0)
		die_without_memory();
	va_end(arguments);
	return result;
}

const char *nonempty(const char *value)
{
	return value && *value ? value : NULL;
}

int index_of(const char *name, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

int number_of(const char *value, int most)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	return !isdigit((unsigned char)*value) || *end || errno || number > most ? -1 : (int)number;
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void add_word(char ***list, const char *word)
{
	size_t count = 0;
	char **grown;

	while (*list && (*list)[count])
		count++;
	grown = realloc(*list, (count + 2) * sizeof *grown);
	if (!grown)
		die_without_memory();
	grown[count] = (char *)word; /* as in argv, and nobody writes to it */
	grown[count + 1] = NULL;
	*list = grown;
}
