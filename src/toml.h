#ifndef TOML_H
#define TOML_H

#include "shim.h"

enum kind { STRING, BOOLEAN, NUMBER, ARRAY, TABLE };

/* A key with its value, or an element of an array. */
struct item {
	struct item *next;
	int line;          /* in its file, from 1; of a key */
	const char *key;   /* as the file spells it; NULL: an element */
	const char *name;  /* the key without quotation marks and escapes */
	const char *value; /* as the file spells it; NULL: a table by header */
	enum kind kind;
	const char *text;          /* of a STRING, without quotation marks and escapes */
	struct item *first, *last; /* of an ARRAY or a TABLE */
	bool has_header;           /* of a TABLE; [name.another] makes one that has none yet */
};

struct reader {
	const char *at, *end; /* with a zero byte at the end */
	const char *error;    /* the first, or NULL */
	int line;             /* that is being read, or of the error */
	int depth;
};

/* Notes the error `why` in the line `line`, unless there has been one before. Nothing is read after
   that. */
void refuse(struct reader *reader, int line, const char *why);

/* Returns the item of `table` by the name `name`, or NULL. */
struct item *find_item(const struct item *table, const char *name);

/* Adds `item` to `table`, or to an array, at its end. */
void add_item(struct item *table, struct item *item);

/* Returns a new item, which is in no table yet; `key` is how a file would spell `name`. */
struct item *new_item(const char *key, const char *name, enum kind kind);

/* Reads `content`, of `length` bytes and a zero byte. Returns the table of all that is in it, up to
   the error in `reader`, if there is one. */
struct item *read_toml(struct reader *reader, const char *content, size_t length);

/* Writes all that is in `table`, which is called `path` with a dot at its end, or "". */
void write_toml(FILE *file, const struct item *table, const char *path);

/* Returns `value` as a string of TOML, or NULL if it is not UTF-8, which TOML must be. */
char *toml_string(const char *value);

#endif
