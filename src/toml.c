/*
 * TOML (toml.io), the language of containers.conf, as far as such files use it: read into a tree,
 * and written again, each value as it came. Strict: what is read here means to podman what it means
 * here. Refused is what no such file needs: dotted keys, [[tables]], strings in three quotation
 * marks, escape sequences beyond ASCII, dates, and all numbers but decimal integers.
 */
#include "shim.h"

#include "text.h"
#include "toml.h"

#define DEEPEST 32 /* arrays and tables in one another */
#define MOST_ITEMS 10000
#define MOST_DIGITS 15 /* of a number: all of these fit into 64 bits */

bool refuse_line(struct reader *reader, int line, const char *why)
{
	if (!reader->error) {
		reader->error = why;
		reader->line = line;
	}
	return false;
}

/* The same of the line that is being read. */
static bool refuse_here(struct reader *reader, const char *why)
{
	return refuse_line(reader, reader->line, why);
}

struct item *find_item(const struct item *table, const char *name)
{
	struct item *item = table->first;

	while (item && strcmp(item->name, name) != 0)
		item = item->next;
	return item;
}

void add_item(struct item *table, struct item *item)
{
	item->next = NULL;
	if (table->last)
		table->last->next = item;
	else
		table->first = item;
	table->last = item;
}

struct item *new_item(const char *key, const char *name, enum kind kind)
{
	struct item *item = calloc(1, sizeof *item);

	if (!item)
		die_without_memory();
	*item = (struct item){ .key = key, .name = name, .kind = kind };
	return item;
}

/* Adds to `table`, or an array, a new item of the line that is being read. Returns it, or NULL if
   there are too many. */
static struct item *add_new(struct reader *reader, struct item *table, const char *key,
			    const char *name, enum kind kind)
{
	struct item *item = new_item(key, name, kind);

	item->line = reader->line;
	add_item(table, item);
	if (++reader->items <= MOST_ITEMS)
		return item;
	refuse_here(reader, "there is too much of this");
	return NULL;
}

/* Checks that all is UTF-8, of those characters that TOML allows. Returns false if it is not. */
static bool check_text(struct reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end) {
		size_t length = utf8_length(at);

		if (strncmp(at, "\r\n", 2) == 0)
			length = 2;
		else if (!length || (iscntrl((unsigned char)*at) && *at != '\n' && *at != '\t'))
			return refuse_here(reader, "not UTF-8, or a control character");
		reader->line += at[length - 1] == '\n';
		at += length;
		/* most of a configuration is such letters */
		while (*at >= ' ' && *at < 0x7f)
			at++;
	}
	reader->line = 1;
	return true;
}

static void skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t");
}

/* Skips blanks, comments and the ends of lines. Returns whether that has brought another line. */
static bool skip_lines(struct reader *reader)
{
	const int line = reader->line;

	for (;; reader->at++, reader->line++) {
		skip_blanks(reader);
		if (*reader->at == '#')
			reader->at += strcspn(reader->at, "\n");
		reader->at += *reader->at == '\r';
		if (*reader->at != '\n')
			return reader->line > line;
	}
}

/* Reads the escape sequence whose backslash is next, and writes at `*to` what it means. Returns
   false on error. */
static bool read_escape(struct reader *reader, char **to)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *letter = ++reader->at, *found = *letter ? strchr(letters, *letter) : NULL;
	unsigned long code;

	reader->at += *letter != 0; /* which is the content's end */
	if (found) {
		*(*to)++ = meanings[found - letters];
		return true;
	}
	code = strspn(reader->at, digits) < 4 ? 0 : strtoul(text("%.4s", reader->at), NULL, 16);
	if (*letter != 'u' || code == 0 || code > 0x7f)
		return refuse_here(reader, "an escape sequence that is not known here");
	reader->at += 4;
	*(*to)++ = (char)code;
	return true;
}

/* Reads a string, whose first quotation mark is next. Returns what it means, or NULL on error. */
static const char *read_string(struct reader *reader)
{
	const char mark = *reader->at++;
	char *meaning = malloc(strcspn(reader->at, "\n") + 1), *to = meaning;

	if (!meaning)
		die_without_memory();
	while (*reader->at != mark) {
		if (*reader->at == '\n' || reader->at == reader->end) {
			refuse_here(reader, "a string without its end");
			return NULL;
		}
		if (*reader->at != '\\' || mark == '\'')
			*to++ = *reader->at++;
		else if (!read_escape(reader, &to))
			return NULL;
	}
	reader->at++;
	*to = 0;
	return meaning;
}

/* Reads a boolean or a number. Returns false on error. */
static bool read_word(struct reader *reader, struct item *item)
{
	const char *word = text("%.*s", (int)strcspn(reader->at, " \t\r\n,]}#"), reader->at);
	const char *digits = word + (*word == '+' || *word == '-');
	const size_t length = strspn(digits, "0123456789");

	item->truth = strcmp(word, "true") == 0;
	item->kind = item->truth || strcmp(word, "false") == 0 ? BOOLEAN : NUMBER;
	if (item->kind == NUMBER &&
	    (!length || digits[length] || length > MOST_DIGITS || (*digits == '0' && length > 1)))
		return refuse_here(reader, "a value that is not known here");
	reader->at += strlen(word);
	return true;
}

static bool read_value(struct reader *reader, struct item *item);

/* Reads an array, whose bracket is next. Returns false on error. */
static bool read_array(struct reader *reader, struct item *array)
{
	do {
		struct item *element;

		reader->at++;
		skip_lines(reader);
		if (*reader->at == ']')
			break;
		element = add_new(reader, array, NULL, NULL, NUMBER);
		if (!element || !read_value(reader, element))
			return false;
		skip_lines(reader);
	} while (*reader->at == ',');
	if (*reader->at != ']')
		return refuse_here(reader, "an array without its end");
	reader->at++;
	return true;
}

/* Reads a key, or one part of a header, and the blanks after it. Returns how it is spelled, and in
   `*name` what that means; NULL on error. */
static const char *read_key(struct reader *reader, const char **name)
{
	static const char bare[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
	const char *begin = reader->at, *key;

	if (*begin == '"' || *begin == '\'') {
		*name = read_string(reader);
	} else {
		reader->at += strspn(begin, bare);
		*name = text("%.*s", (int)(reader->at - begin), begin);
	}
	/* podman's reader confuses empty ones: BurntSushi/toml up to 1.5 at least */
	if (*name && !**name)
		refuse_here(reader, "no key, where there should be one");
	if (reader->error)
		return NULL;
	key = text("%.*s", (int)(reader->at - begin), begin);
	skip_blanks(reader);
	return key;
}

/* Reads a key with its value into `table`. Returns false on error. */
static bool read_pair(struct reader *reader, struct item *table)
{
	const char *name, *key = read_key(reader, &name);
	struct item *item;

	if (!key)
		return false;
	if (find_item(table, name))
		return refuse_here(reader, "a key that is there already");
	if (*reader->at != '=')
		return refuse_here(reader, "a key without a value");
	reader->at++;
	skip_blanks(reader);
	item = add_new(reader, table, key, name, NUMBER);
	return item && read_value(reader, item);
}

/* Reads an inline table, whose brace is next. Returns false on error. */
static bool read_braces(struct reader *reader, struct item *table)
{
	do {
		reader->at++;
		skip_blanks(reader);
		if (*reader->at == '}' && !table->first)
			break;
		if (!read_pair(reader, table))
			return false;
		skip_blanks(reader);
	} while (*reader->at == ',');
	if (*reader->at != '}')
		return refuse_here(reader, "an inline table without its end");
	reader->at++;
	return true;
}

/* Reads a value. Returns false on error. */
static bool read_value(struct reader *reader, struct item *item)
{
	const char *begin = reader->at;
	bool done;

	if (++reader->depth > DEEPEST)
		return refuse_here(reader, "too many values in one another");
	switch (*begin) {
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
	case '{':
		item->kind = TABLE;
		item->origin = BY_BRACES;
		done = read_braces(reader, item);
		break;
	default: done = read_word(reader, item);
	}
	reader->depth--;
	item->value = text("%.*s", (int)(reader->at - begin), begin);
	return done;
}

/* Reads a header, whose bracket is next. Returns the table that it begins, or NULL on error. */
static struct item *read_header(struct reader *reader, struct item *root)
{
	struct item *table = root;
	int parts = 0;

	do {
		const char *name, *key;
		struct item *found;

		reader->at++;
		skip_blanks(reader);
		key = read_key(reader, &name);
		if (!key)
			return NULL;
		found = find_item(table, name);
		table = found ? found : add_new(reader, table, key, name, TABLE);
		if (!table || table->kind != TABLE || table->origin == BY_BRACES) {
			refuse_here(reader, "a header for what is no table to add to");
			return NULL;
		}
	} while (*reader->at == '.' && ++parts < DEEPEST);
	if (*reader->at != ']' || table->origin == BY_HEADER) {
		refuse_here(reader, "a header without its end, or for a second time");
		return NULL;
	}
	reader->at++;
	table->origin = BY_HEADER;
	return table;
}

struct item *read_toml(struct reader *reader, const char *content, size_t length)
{
	struct item *root = new_item(NULL, NULL, TABLE), *table = root;

	*reader = (struct reader){ .at = content, .end = content + length, .line = 1 };
	check_text(reader);
	skip_lines(reader);
	while (!reader->error) {
		if (reader->at == reader->end)
			return root;
		if (*reader->at == '[')
			table = read_header(reader, root);
		else
			read_pair(reader, table);
		if (!reader->error && !skip_lines(reader) && reader->at < reader->end)
			refuse_here(reader, "more on the line than belongs there");
	}
	return NULL;
}

void write_toml(FILE *file, const struct item *table, const char *path)
{
	for (const struct item *item = table->first; item; item = item->next)
		if (item->kind != TABLE)
			fprintf(file, "%s = %s\n", item->key, item->value);
	for (const struct item *item = table->first; item; item = item->next)
		if (item->kind == TABLE) {
			fprintf(file, "[%s%s]\n", path, item->key);
			write_toml(file, item, text("%s%s.", path, item->key));
		}
}

char *toml_string(const char *value)
{
	char *result = malloc(strlen(value) * 6 + 3), *end = result;

	if (!result)
		die_without_memory();
	*end++ = '"';
	while (*value) {
		const size_t length = utf8_length(value);

		if (!length)
			return NULL;
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
