#ifndef TOML_H
#define TOML_H

#include "shim.h"

enum kind { STRING, BOOLEAN, NUMBER, ARRAY, TABLE, TABLES /* [[name]] */ };

/* What has made a table, and so what may still add to it. */
enum origin {
	BY_HEADER,    /* [name] */
	BY_SUBHEADER, /* [name.another] */
	BY_DOTS,      /* name.another = value, in section `section` */
	BY_BRACES,    /* name = { } */
};

/* A key with its value, or an element of an array. */
struct item {
	struct item *next;
	const char *key; /* as the file spells it; NULL: an element */
	size_t key_length;
	const char *name;  /* the key without quotation marks and escapes */
	const char *value; /* as the file spells it; not of a TABLE or TABLES */
	size_t value_length;
	enum kind kind;
	bool truth;                /* of a BOOLEAN */
	const char *text;          /* of a STRING, without quotation marks and escapes */
	struct item *first, *last; /* of an ARRAY, a TABLE or TABLES */
	enum origin origin;        /* of a TABLE */
	int section;               /* of a TABLE: the section that made it */
};

struct reader {
	const char *begin, *at, *end; /* with a zero byte at the end */
	const char *error;            /* the first, or NULL */
	int line;                     /* of the error */
	int depth, items;
	int section;  /* the number of the header, or of the braces, whose keys are being read */
	int sections; /* how many there have been */
};

/* How far a key like a.b.c has been read: its latest part, and the table that this is in. */
struct path {
	struct item *table;
	const char *key; /* the part as the file spells it */
	size_t key_length;
	const char *name; /* the part without quotation marks and escapes */
};

/* Notes the error `why` at `at`, unless there has been one before. Returns false. */
bool refuse_at(struct reader *reader, const char *at, const char *why);

/* Returns the item of `table` by the name `name`, or NULL. */
struct item *find_item(const struct item *table, const char *name);

/* Adds an item by the key of `path`. Returns NULL on error. */
struct item *add_keyed(struct reader *reader, const struct path *path, enum kind kind);

/* Reads `content`, of `length` bytes and a zero byte. Returns the table of all that is in it, or
   NULL, with the error in `reader`. */
struct item *read_toml(struct reader *reader, const char *content, size_t length);

/* Writes all that is in `table`, which is called `path` with a dot at its end, or "". */
void write_toml(FILE *file, const struct item *table, const char *path);

/* Returns `value` as a string of TOML, or NULL if it is not UTF-8, which TOML must be. */
char *toml_string(const char *value);

#endif
