#ifndef TEXT_H
#define TEXT_H

#include "shim.h"

/* Ends the shim, with one line on stderr. */
__attribute__((noreturn)) void die_without_memory(void);

/* Returns the length in bytes of the UTF-8 character at `at`, or 0 if it is none: RFC 3629. */
size_t utf8_length(const char *at);

/* The same, but 0 also for a control character, of ASCII or of U+0080 to U+009F, which may be a
   command to a terminal. */
size_t shown_length(const char *at);

/* Replaces in the `length` bytes at `line`, behind which there is a zero byte, each newline by a
   blank, and what a terminal would not show as it is by `?`. */
void make_printable(char *line, size_t length);

/* Returns the text that `format` makes. Does not return without memory. */
__attribute__((format(printf, 1, 2))) char *text(const char *format, ...);

/* Returns `value`, or NULL if that is empty: an empty variable counts as one that is not set. */
const char *nonempty(const char *value);

/* Returns what follows `prefix` in `whole`, or NULL if that does not begin with it.
   Inline: most prefixes are constants, and most commands execute podman as it is. */
static inline const char *skip_prefix(const char *whole, const char *prefix)
{
	const size_t length = strlen(prefix);

	return strncmp(whole, prefix, length) == 0 ? whole + length : NULL;
}

/* Returns the index of `name` in the NULL-ended `names`, or -1. */
int index_of(const char *name, const char *const *names);

/* Returns the number that the whole of `value` is, if it is one from 0 to `most`, or -1. */
int number_of(const char *value, int most);

/* Returns the last element of `path`. */
const char *base_name(const char *path);

/* Adds `word` to the NULL-ended list `*list`, which is NULL as long as it is empty. */
void add_word(char ***list, const char *word);

#endif
