/*
 * TOML (toml.io), the language of containers.conf, as far as such files use it: read into a tree,
 * and written again, each value as it came. Strict: what is read here means to podman what it means
 * here, except that podman checks for itself whether all is UTF-8. Refused is what no such file
 * needs: dotted keys, [[tables]], strings in three quotation marks, escape sequences by number,
 * dates, and all numbers but decimal integers.
 */
#include "shim.h"

#include "text.h"
#include "toml.h"

#define DEEPEST 32 /* arrays and tables in one another */

/* What may follow a backslash, and what that means. */
static const char escapes[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";

void refuse(struct reader *reader, int line, const char *why)
{
	if (!reader->error) {
		reader->error = why;
		reader->line = line;
	}
	reader->at = reader->end;
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
			reader->at += strcspn(reader->at, "\r\n");
		reader->at += strncmp(reader->at, "\r\n", 2) == 0;
		if (*reader->at != '\n')
			return reader->line > line;
	}
}

/* Skips `letter`. If something else is next, that is the error `why`. */
static void skip_letter(struct reader *reader, char letter, const char *why)
{
	if (*reader->at == letter)
		reader->at++;
	else
		refuse(reader, reader->line, why);
}

/* Reads what follows a backslash. Returns what it means; on error, a zero byte. */
static char read_escape(struct reader *reader)
{
	const char *found = *reader->at ? strchr(escapes, *reader->at) : NULL;

	if (!found) {
		refuse(reader, reader->line, "an escape sequence that is not known here");
		return 0;
	}
	reader->at++;
	return meanings[found - escapes];
}

/* Reads a string, whose first quotation mark is next. Returns what it means. */
static const char *read_string(struct reader *reader)
{
	const char mark = *reader->at++;
	char *meaning = malloc(strcspn(reader->at, "\n") + 1), *to = meaning;

	if (!meaning)
		die_without_memory();
	while (*reader->at != mark &&
	       (*reader->at == '\t' || !iscntrl((unsigned char)*reader->at))) {
		*to = *reader->at++;
		if (*to == '\\' && mark == '"')
			*to = read_escape(reader);
		to++;
	}
	*to = 0;
	skip_letter(reader, mark, "a string without its end");
	return meaning;
}

/* Reads a boolean or a number. */
static void read_word(struct reader *reader, struct item *item)
{
	const char *word = text("%.*s", (int)strcspn(reader->at, " \t\r\n,]}#"), reader->at);
	const char *digits = word + (*word == '+' || *word == '-');
	const size_t length = strspn(digits, "0123456789");

	reader->at += strlen(word);
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		item->kind = BOOLEAN;
	else if (!length || digits[length] || (*digits == '0' && length > 1))
		refuse(reader, reader->line, "a value that is not known here");
}

static void read_value(struct reader *reader, struct item *item);

/* Reads a key, or one part of a header, and the blanks after it. Returns a new item of it. */
static struct item *read_key(struct reader *reader)
{
	static const char bare[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
	const char *begin = reader->at, *name = NULL, *key;
	struct item *item;

	if (*begin == '"' || *begin == '\'')
		name = read_string(reader);
	else
		reader->at += strspn(begin, bare);
	key = text("%.*s", (int)(reader->at - begin), begin);
	item = new_item(key, name ? name : key, NUMBER);
	item->line = reader->line;
	/* podman's reader confuses empty ones: BurntSushi/toml up to 1.5 at least */
	if (!*item->name)
		refuse(reader, reader->line, "no key, where there should be one");
	skip_blanks(reader);
	return item;
}

/* Reads a key with its value into `table`. */
static void read_pair(struct reader *reader, struct item *table)
{
	struct item *item = read_key(reader);

	if (find_item(table, item->name))
		refuse(reader, reader->line, "a key that is there already");
	skip_letter(reader, '=', "a key without a value");
	skip_blanks(reader);
	read_value(reader, item);
	add_item(table, item);
}

/* Reads what is in an array, or an inline table, whose bracket or brace is next. */
static void read_list(struct reader *reader, struct item *list)
{
	const bool is_array = list->kind == ARRAY;
	const char end = is_array ? ']' : '}';

	do {
		reader->at++;
		skip_blanks(reader);
		if (is_array)
			skip_lines(reader);
		if (*reader->at == end && (is_array || !list->first))
			break;
		if (is_array) {
			add_item(list, new_item(NULL, NULL, NUMBER));
			read_value(reader, list->last);
			skip_lines(reader);
		} else {
			read_pair(reader, list);
		}
	} while (*reader->at == ',');
	skip_letter(reader, end, "an array, or an inline table, without its end");
}

/* Reads a value, and the blanks after it. */
static void read_value(struct reader *reader, struct item *item)
{
	const char *begin = reader->at;

	if (++reader->depth > DEEPEST)
		refuse(reader, reader->line, "too many values in one another");
	switch (*reader->at) {
	case '"':
	case '\'':
		item->kind = STRING;
		item->text = read_string(reader);
		break;
	case '[':
	case '{':
		item->kind = *begin == '[' ? ARRAY : TABLE;
		read_list(reader, item);
		break;
	default: read_word(reader, item);
	}
	reader->depth--;
	item->value = text("%.*s", (int)(reader->at - begin), begin);
	skip_blanks(reader);
}

/* Reads a header, whose bracket is next. Returns the table that it begins. */
static struct item *read_header(struct reader *reader, struct item *root)
{
	struct item *table = root;
	int parts = 0;

	do {
		struct item *parent = table, *part;

		reader->at++;
		skip_blanks(reader);
		part = read_key(reader);
		part->kind = TABLE;
		table = find_item(parent, part->name);
		if (!table)
			add_item(parent, table = part);
		if (table->kind != TABLE || table->value)
			refuse(reader, reader->line, "a header for what is no table to add to");
	} while (*reader->at == '.' && ++parts < DEEPEST);
	skip_letter(reader, ']', "a header without its end");
	if (table->has_header)
		refuse(reader, reader->line, "a header for a second time");
	table->has_header = true;
	return table;
}

struct item *read_toml(struct reader *reader, const char *content, size_t length)
{
	struct item *root = new_item(NULL, NULL, TABLE), *table = root;

	*reader = (struct reader){ .at = content, .end = content + length, .line = 1 };
	skip_lines(reader);
	while (reader->at < reader->end) {
		if (*reader->at == '[')
			table = read_header(reader, root);
		else
			read_pair(reader, table);
		if (!skip_lines(reader) && reader->at < reader->end)
			refuse(reader, reader->line, "more on the line than belongs there");
	}
	return root;
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
	size_t length;

	if (!result)
		die_without_memory();
	*end++ = '"';
	for (; *value; value += length) {
		const char *escaped = strchr(meanings, *value);

		length = utf8_length(value);
		if (!length)
			return NULL;
		if (escaped)
			end += sprintf(end, "\\%c", escapes[escaped - meanings]);
		else if (iscntrl((unsigned char)*value))
			end += sprintf(end, "\\u%04x", (unsigned)*value);
		else
			end += sprintf(end, "%.*s", (int)length, value);
	}
	strcpy(end, "\"");
	return result;
}
