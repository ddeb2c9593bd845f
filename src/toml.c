/*
 * TOML, the language of containers.conf, version 1.0 (toml.io), read into a tree. Strict: what is
 * read here means to podman what it means here. What is refused, dates for one, may be right all
 * the same; nothing is guessed. A tree can be written again, each value as it came.
 */
#include "shim.h"

#include "text.h"
#include "toml.h"

#define DEEPEST 32 /* arrays and tables in one another */
#define MOST_ITEMS 10000

bool refuse_at(struct reader *reader, const char *at, const char *why)
{
	if (reader->error)
		return false;
	reader->error = why;
	reader->line = 1;
	for (const char *newline = reader->begin;
	     (newline = memchr(newline, '\n', (size_t)(at - newline))); newline++)
		reader->line++;
	return false;
}

static bool refuse(struct reader *reader, const char *why)
{
	return refuse_at(reader, reader->at, why);
}

/* Writes the character `code`, which is not 0, as UTF-8 at `to`. Returns how many bytes it has, 0
   if there is no such character. */
static size_t put_utf8(char *to, unsigned long code)
{
	const size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	for (size_t i = length; --i > 0; code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(first[length] | code);
	return length;
}

/* Returns whether a text may hold the byte `byte`, if it is not the end of a line. */
static bool is_text(char byte)
{
	return byte == '\t' || ((unsigned char)byte >= ' ' && byte != 0x7f);
}

static void skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t");
}

/* Skips the end of a line, if it is next; returns whether it is. */
static bool skip_newline(struct reader *reader)
{
	const size_t length = strncmp(reader->at, "\r\n", 2) == 0 ? 2 : *reader->at == '\n';

	reader->at += length;
	return length > 0;
}

/* Skips blanks and a comment, up to the line's end. Returns false on error. */
static bool skip_comment(struct reader *reader)
{
	skip_blanks(reader);
	if (*reader->at != '#')
		return true;
	while (is_text(*reader->at)) {
		const size_t length = utf8_length(reader->at);
		const char *at = reader->at + length;

		if (!length)
			return refuse(reader, "a comment that is not UTF-8");
		/* most of a configuration is comments, and most of those are such letters */
		while (*at >= ' ' && *at < 0x7f)
			at++;
		reader->at = at;
	}
	return true;
}

/* Skips all that may stand between the elements of an array. Returns false on error. */
static bool skip_gap(struct reader *reader)
{
	do
		if (!skip_comment(reader))
			return false;
	while (skip_newline(reader));
	return true;
}

/* Adds an item to `table`, or to an array, at its end. Returns NULL on error. */
static struct item *add_item(struct reader *reader, struct item *table, enum kind kind)
{
	struct item *item = ++reader->items > MOST_ITEMS ? NULL : calloc(1, sizeof *item);

	if (!item) {
		refuse(reader, "there is too much of this");
		return NULL;
	}
	item->kind = kind;
	if (table->last)
		table->last->next = item;
	else
		table->first = item;
	table->last = item;
	return item;
}

struct item *find_item(const struct item *table, const char *name)
{
	struct item *item = table->first;

	while (item && strcmp(item->name, name) != 0)
		item = item->next;
	return item;
}

/* Reads what follows a backslash, and writes what it means at `*to`. Returns false on error. */
static bool read_escape(struct reader *reader, char **to)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	const char letter = *reader->at, *found = letter ? strchr(letters, letter) : NULL;
	const size_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
	char number[9] = "";
	size_t length = 0;

	if (found) {
		*(*to)++ = meanings[found - letters];
		reader->at++;
		return true;
	}
	for (size_t i = 0; i < digits && reader->at[1 + i]; i++)
		number[i] = reader->at[1 + i];
	if (digits && strspn(number, "0123456789abcdefABCDEF") == digits)
		length = put_utf8(*to, strtoul(number, NULL, 16));
	if (!length)
		return refuse(reader, "an unknown escape sequence");
	*to += length;
	reader->at += 1 + digits;
	return true;
}

/* Skips a backslash at a line's end and the white space after it. Returns whether it was one. */
static bool skip_continuation(struct reader *reader)
{
	const char *begin = reader->at++;

	skip_blanks(reader);
	if (!skip_newline(reader)) {
		reader->at = begin;
		return false;
	}
	do
		skip_blanks(reader);
	while (skip_newline(reader));
	return true;
}

/* Reads the text of a string up to its `delimiter`, one or three quotation marks, and writes what
   it means at `to`. Returns false on error. */
static bool read_text(struct reader *reader, const char *delimiter, char *to)
{
	const size_t length = strlen(delimiter);
	const bool is_long = length == 3, is_basic = *delimiter == '"';

	while (strncmp(reader->at, delimiter, length) != 0) {
		size_t size = utf8_length(reader->at);

		if (is_basic && *reader->at == '\\') {
			if (is_long && skip_continuation(reader))
				continue;
			reader->at++;
			if (!read_escape(reader, &to))
				return false;
			continue;
		}
		if (!size || !(is_text(*reader->at) || (is_long && *reader->at == '\n')))
			return refuse(reader, "a string without its end, or not of UTF-8 text");
		memcpy(to, reader->at, size);
		to += size;
		reader->at += size;
	}
	/* one or two quotation marks may come before the three that end it */
	for (int i = 0; is_long && i < 2 && reader->at[3] == *delimiter; i++)
		*to++ = *reader->at++;
	reader->at += length;
	*to = 0;
	return true;
}

/* Returns how many bytes a string's meaning may take: not more than the string up to what may be
   its end. */
static size_t room_for(const struct reader *reader, const char *delimiter)
{
	const char *end = reader->at;

	while ((end = strstr(end, delimiter)) && end[-1] == '\\')
		end++;
	return (size_t)((end ? end : reader->end) - reader->at) + 3;
}

/* Reads a string, whose first quotation mark is next. Returns what it means, or NULL on error. */
static const char *read_string(struct reader *reader)
{
	static const char marks[] = "\"\"\"'''";
	const char *delimiter = *reader->at == '"' ? marks : marks + 3;
	const bool is_long = strncmp(reader->at, delimiter, 3) == 0;
	char *end = text("%.*s", is_long ? 3 : 1, delimiter), *meaning;

	reader->at += strlen(end);
	if (is_long)
		skip_newline(reader);
	meaning = malloc(room_for(reader, end));
	if (!meaning)
		refuse(reader, "no memory");
	else if (!read_text(reader, end, meaning)) {
		free(meaning);
		meaning = NULL;
	}
	free(end);
	return meaning;
}

/* Skips digits of `set`, with single underscores between them. Returns how many there are, 0 on
   error. */
static size_t skip_digits(const char **at, const char *set)
{
	size_t count = 0;

	for (;;) {
		size_t run = strspn(*at, set);

		*at += run;
		count += run;
		if (!run || **at != '_')
			return run ? count : 0;
		++*at;
	}
}

/* Returns whether `word` is a number that no reader takes for anything else. */
static bool is_number(const char *word)
{
	static const char decimal[] = "0123456789";
	static const char *const sets[] = { "x0123456789abcdefABCDEF", "o01234567", "b01" };
	enum { MOST_DIGITS = 15 }; /* of an integer: all of these fit into 64 bits */
	const char *at = word;
	size_t digits;

	for (size_t i = 0; i < LENGTH(sets); i++)
		if (word[0] == '0' && word[1] == sets[i][0]) {
			at = word + 2;
			digits = skip_digits(&at, sets[i] + 1);
			return digits && digits <= MOST_DIGITS && !*at;
		}
	at += *at == '+' || *at == '-';
	if (strcmp(at, "inf") == 0 || strcmp(at, "nan") == 0)
		return true;
	if (*at == '0' && at[1] && !strchr(".eE", at[1]))
		return false;
	digits = skip_digits(&at, decimal);
	if (!digits || !*at)
		return digits && digits <= MOST_DIGITS;
	if (*at == '.' && (++at, !skip_digits(&at, decimal)))
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '+' || *at == '-';
		if (!skip_digits(&at, decimal))
			return false;
	}
	return !*at;
}

/* Reads what is neither string, array nor inline table. Returns false on error. */
static bool read_word(struct reader *reader, struct item *item)
{
	char word[64] = "";
	const size_t length = strspn(reader->at, "0123456789abcdefghijklmnopqrstuvwxyz"
						 "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._:");

	if (length < sizeof word)
		memcpy(word, reader->at, length);
	item->truth = strcmp(word, "true") == 0;
	item->kind = item->truth || strcmp(word, "false") == 0 ? BOOLEAN : NUMBER;
	if (item->kind == NUMBER && !is_number(word))
		return refuse(reader, "a value that is not known here");
	reader->at += length;
	return true;
}

static bool read_value(struct reader *reader, struct item *item);

/* Reads an array, whose bracket is next. Returns false on error. */
static bool read_array(struct reader *reader, struct item *array)
{
	do {
		struct item *element;

		reader->at++;
		if (!skip_gap(reader))
			return false;
		if (*reader->at == ']')
			break;
		element = add_item(reader, array, NUMBER);
		if (!element || !read_value(reader, element) || !skip_gap(reader))
			return false;
	} while (*reader->at == ',');
	if (*reader->at != ']')
		return refuse(reader, "an array without its end");
	reader->at++;
	return true;
}

/* Reads one part of a key. Returns false on error. */
static bool read_part(struct reader *reader, struct path *path)
{
	static const char bare[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";

	path->key = reader->at;
	if (*reader->at == '"' || *reader->at == '\'') {
		if (strncmp(reader->at, "\"\"\"", 3) == 0 || strncmp(reader->at, "'''", 3) == 0)
			return refuse(reader, "a key that is a long string");
		path->name = read_string(reader);
	} else {
		reader->at += strspn(reader->at, bare);
		if (reader->at == path->key)
			return refuse(reader, "no key, where there should be one");
		path->name = text("%.*s", (int)(reader->at - path->key), path->key);
	}
	path->key_length = (size_t)(reader->at - path->key);
	/* podman's reader confuses these: BurntSushi/toml up to 1.5 at least */
	if (path->name && !*path->name)
		return refuse(reader, "an empty key");
	return path->name != NULL;
}

struct item *add_keyed(struct reader *reader, const struct path *path, enum kind kind)
{
	struct item *item = add_item(reader, path->table, kind);

	if (item) {
		item->key = path->key;
		item->key_length = path->key_length;
		item->name = path->name;
	}
	return item;
}

/* Goes from the table of `path` into the one that its key names, and makes it if there is none, as
   a header or a key with dots in it does. Returns false on error. */
static bool enter_table(struct reader *reader, struct path *path, enum origin origin)
{
	struct item *found = find_item(path->table, path->name);

	if (!found) {
		found = add_keyed(reader, path, TABLE);
		if (!found)
			return false;
		found->origin = origin;
		found->section = reader->section;
	} else if (found->kind == TABLES && origin == BY_SUBHEADER) {
		found = found->last;
	} else if (found->kind != TABLE ||
		   (origin == BY_SUBHEADER
			? found->origin != BY_HEADER && found->origin != BY_SUBHEADER
			: found->origin != BY_DOTS || found->section != reader->section)) {
		return refuse(reader, "a table that cannot be added to from here");
	}
	path->table = found;
	return true;
}

/* Reads a key from `table` on; its last part is left in `path`. Returns false on error. */
static bool read_key(struct reader *reader, struct item *table, enum origin origin,
		     struct path *path)
{
	*path = (struct path){ .table = table };
	for (int parts = 1; read_part(reader, path); parts++) {
		skip_blanks(reader);
		if (*reader->at != '.')
			return true;
		if (parts >= DEEPEST)
			return refuse(reader, "a key of too many parts");
		reader->at++;
		skip_blanks(reader);
		if (!enter_table(reader, path, origin))
			return false;
	}
	return false;
}

/* Reads a key with its value into `table`. Returns false on error. */
static bool read_pair(struct reader *reader, struct item *table)
{
	struct path path;
	struct item *item;

	if (!read_key(reader, table, BY_DOTS, &path))
		return false;
	if (find_item(path.table, path.name))
		return refuse(reader, "a key that is there already");
	if (*reader->at != '=')
		return refuse(reader, "a key without a value");
	reader->at++;
	skip_blanks(reader);
	item = add_keyed(reader, &path, NUMBER);
	return item && read_value(reader, item);
}

/* Reads an inline table, whose brace is next. Returns false on error. */
static bool read_braces(struct reader *reader, struct item *table)
{
	const int section = reader->section;

	table->kind = TABLE;
	table->origin = BY_BRACES;
	reader->section = ++reader->sections;
	do {
		reader->at++;
		skip_blanks(reader);
		if (*reader->at == '}' && !table->first)
			break;
		if (!read_pair(reader, table))
			return false;
		skip_blanks(reader);
	} while (*reader->at == ',');
	reader->section = section;
	if (*reader->at != '}')
		return refuse(reader, "an inline table without its end");
	reader->at++;
	return true;
}

/* Reads a value. Returns false on error. */
static bool read_value(struct reader *reader, struct item *item)
{
	bool done;

	if (++reader->depth > DEEPEST)
		return refuse(reader, "too many values in one another");
	item->value = reader->at;
	switch (*reader->at) {
	case '"':
	case '\'':
		item->kind = STRING;
		item->text = read_string(reader);
		done = item->text != NULL;
		break;
	case '[':
		item->kind = ARRAY;
		done = read_array(reader, item);
		break;
	case '{': done = read_braces(reader, item); break;
	default: done = read_word(reader, item);
	}
	item->value_length = (size_t)(reader->at - item->value);
	reader->depth--;
	return done;
}

/* Reads a header, whose bracket is next. Returns the table that it begins, or NULL on error. */
static struct item *read_header(struct reader *reader, struct item *root)
{
	const bool is_element = reader->at[1] == '[';
	struct path path;
	struct item *item;

	reader->section = ++reader->sections;
	reader->at += 1 + is_element;
	skip_blanks(reader);
	if (!read_key(reader, root, BY_SUBHEADER, &path))
		return NULL;
	if (*reader->at != ']' || (is_element && reader->at[1] != ']')) {
		refuse(reader, "a header without its end");
		return NULL;
	}
	item = find_item(path.table, path.name);
	if (item && !(is_element ? item->kind == TABLES
				 : item->kind == TABLE && item->origin == BY_SUBHEADER)) {
		refuse(reader, "a table that is there already");
		return NULL;
	}
	if (!item)
		item = add_keyed(reader, &path, is_element ? TABLES : TABLE);
	reader->at += 1 + is_element;
	if (item && is_element)
		item = add_item(reader, item, TABLE);
	if (item)
		item->origin = BY_HEADER;
	return item;
}

struct item *read_toml(struct reader *reader, const char *content, size_t length)
{
	struct item *root = calloc(1, sizeof *root), *table = root;

	*reader = (struct reader){ .begin = content, .at = content, .end = content + length };
	if (root)
		root->kind = TABLE;
	else
		refuse(reader, "no memory");
	while (table && !reader->error && skip_gap(reader) && reader->at < reader->end) {
		if (*reader->at == '[')
			table = read_header(reader, root);
		else
			read_pair(reader, table);
		if (!reader->error && skip_comment(reader) && !skip_newline(reader) &&
		    reader->at < reader->end)
			refuse(reader, "more on the line than belongs there");
	}
	return reader->error ? NULL : root;
}

void write_toml(FILE *file, const struct item *table, const char *path)
{
	for (const struct item *item = table->first; item; item = item->next)
		if (item->kind != TABLE && item->kind != TABLES)
			fprintf(file, "%.*s = %.*s\n", (int)item->key_length, item->key,
				(int)item->value_length, item->value);
	for (const struct item *item = table->first; item; item = item->next) {
		char *name = text("%s%.*s", path, (int)item->key_length, item->key);
		char *inner = text("%s.", name);

		if (item->kind == TABLE) {
			fprintf(file, "[%s]\n", name);
			write_toml(file, item, inner);
		}
		for (const struct item *element = item->kind == TABLES ? item->first : NULL;
		     element; element = element->next) {
			fprintf(file, "[[%s]]\n", name);
			write_toml(file, element, inner);
		}
		free(inner);
		free(name);
	}
}

char *toml_string(const char *value)
{
	char *result = malloc(strlen(value) * 6 + 3), *end = result;

	if (!result)
		return NULL;
	*end++ = '"';
	while (*value) {
		size_t length = utf8_length(value);

		if (!length) {
			free(result);
			return NULL;
		}
		if (iscntrl((unsigned char)*value)) {
			end += sprintf(end, "\\u%04x", (unsigned)*value);
		} else {
			if (*value == '"' || *value == '\\')
				*end++ = '\\';
			memcpy(end, value, length);
			end += length;
		}
		value += length;
	}
	strcpy(end, "\"");
	return result;
}
