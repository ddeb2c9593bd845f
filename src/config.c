/*
 * What podman will read of containers.conf, for the keys that the override sets and for those that
 * rule it out; and all of it merged, for a Podman that reads no override. Where that cannot be said
 * for sure there is an obstacle, and no override.
 */
#include "shim.h"

#include "command.h"
#include "config.h"
#include "file.h"
#include "layers.h"
#include "text.h"

#define LARGEST_CONFIGURATION (256 << 10) /* bytes */

/* The default of conmon_path. */
static const char *const default_conmons[] = { "/usr/libexec/podman/conmon",
					       "/usr/local/libexec/podman/conmon",
					       "/usr/local/lib/podman/conmon",
					       "/usr/bin/conmon",
					       "/usr/sbin/conmon",
					       "/usr/local/bin/conmon",
					       "/usr/local/sbin/conmon",
					       "/run/current-system/sw/bin/conmon",
					       NULL };

/* Returns the item of `table`, which may be NULL, that podman reads as `key`, or NULL. */
static struct item *find_key(const struct item *table, const char *key)
{
	struct item *item = table ? table->first : NULL;

	while (item && strcasecmp(item->name, key) != 0)
		item = item->next;
	return item;
}

/* Notes an error if podman would take two keys of `root`, or of a table in it, for the same: chance
   decides which counts. Keys beyond ASCII are errors, because podman may do that with them, too. */
static void check_keys(struct reader *reader, const struct item *root)
{
	for (const struct item *item = root->first; item; item = item->next) {
		const struct item rest = { .first = item->next };
		const struct item *same = find_key(&rest, item->name);

		if (same)
			refuse(reader, same->line, "a key that is there already, to podman");
		for (const char *letter = item->name; *letter; letter++)
			if (*letter & 0x80)
				refuse(reader, item->line, "a key that is not ASCII");
		if (item->kind == TABLE && !root->name)
			check_keys(reader, item);
	}
}

/* Merges `from` into `into`, as podman's decoder does (BurntSushi/toml, decode.go): the root and
   the tables in it are structs, whose fields are found whatever the case of the key; `depth` 2 and
   what is below are maps. What is no struct or map is replaced. */
static void merge_table(struct reader *reader, struct item *into, struct item *from, int depth)
{
	for (struct item *item = from->first, *next; item; item = next) {
		struct item *found =
		    depth < 2 ? find_key(into, item->name) : find_item(into, item->name);

		next = item->next;
		if (!found) {
			add_item(into, item);
		} else if (depth < 2 && found->kind == TABLE && item->kind == TABLE) {
			merge_table(reader, found, item, depth + 1);
		} else {
			/* podman would keep keys of both, as of default_subnet_pools */
			if (depth < 2 && item->kind == ARRAY && item->first &&
			    item->first->kind == TABLE)
				refuse(reader, item->line, "tables that an earlier file has, too");
			item->next = found->next;
			*found = *item;
		}
	}
}

void set_key(struct item *root, const char *section, const char *key, const char *value)
{
	struct item *table = find_key(root, section), *item = find_key(table, key);

	if (!table)
		add_item(root, table = new_item(section, section, TABLE));
	if (!item)
		add_item(table, item = new_item(key, key, ARRAY));
	item->value = value;
}

/* Returns the item of `table` that podman reads as `key`, or NULL: one of another kind than `kind`
   is an error. */
static struct item *find_kind(struct reader *reader, const struct item *table, const char *key,
			      enum kind kind)
{
	struct item *item = find_key(table, key);

	if (!item || item->kind == kind)
		return item;
	refuse(reader, item->line, "a value of another kind than podman expects");
	return NULL;
}

/* Reads `key` of `table`, an array of strings, into `strings`, if it is there: Slice.UnmarshalTOML
   of containers/common, internal/attributedstring/slice.go, which is that of 4.8. */
static void read_strings(struct configuration *configuration, struct reader *reader,
			 const struct item *table, const char *key, struct strings *strings)
{
	const struct item *array = find_kind(reader, table, key, ARRAY), *append;

	if (!array)
		return;
	for (const struct item *item = array->first; item; item = item->next) {
		append = item->kind == TABLE ? find_item(item, "append") : NULL;
		if (append && append->kind == BOOLEAN && !configuration->is_whole) {
			strings->appends = strcmp(append->value, "true") == 0;
			configuration->appends = true;
		} else if (item->kind != STRING) {
			refuse(reader, array->line, "something else among strings");
		}
	}
	if (!strings->appends)
		strings->words = NULL;
	for (const struct item *item = array->first; item; item = item->next)
		if (item->kind == STRING)
			add_word(&strings->words, item->text);
}

static void read_boolean(struct reader *reader, const struct item *table, const char *key,
			 bool *value)
{
	const struct item *item = find_kind(reader, table, key, BOOLEAN);

	if (item)
		*value = strcmp(item->value, "true") == 0;
}

/* Lets the file that was read into `root` change `configuration`. */
static void read_keys(struct configuration *configuration, struct reader *reader,
		      const struct item *root)
{
	const struct item *containers = find_kind(reader, root, "containers", TABLE);
	const struct item *engine = find_kind(reader, root, "engine", TABLE);
	const struct item *log_driver = find_kind(reader, containers, "log_driver", STRING);

	read_strings(configuration, reader, containers, "default_sysctls", &configuration->sysctls);
	read_strings(configuration, reader, containers, "env", &configuration->env);
	read_boolean(reader, containers, "env_host", &configuration->env_host);
	if (log_driver)
		configuration->log_driver = log_driver->text;
	read_strings(configuration, reader, engine, "conmon_path", &configuration->conmons);
	read_strings(configuration, reader, engine, "conmon_env_vars", &configuration->conmon_env);
	read_strings(configuration, reader, engine, "env", &configuration->engine_env);
	read_boolean(reader, engine, "remote", &configuration->remote);
}

bool read_content(struct configuration *configuration, struct reader *reader, const char *content,
		  size_t length, bool adds)
{
	struct item *root = read_toml(reader, content, length);

	check_keys(reader, root);
	read_keys(configuration, reader, root);
	if (adds)
		merge_table(reader, configuration->base, root, 0);
	return !reader->error;
}

/* Reads one file, unless there is an obstacle already. */
static void read_layer(struct configuration *configuration, const char *path, bool adds)
{
	struct reader reader;
	size_t length;
	char *content;

	if (configuration->obstacle)
		return;
	content = read_whole(path, LARGEST_CONFIGURATION, &length);
	if (!content)
		configuration->obstacle = text("%s: %s", path, strerror(errno));
	else if (!read_content(configuration, &reader, content, length, adds))
		configuration->obstacle = text("%s:%d: %s", path, reader.line, reader.error);
}

struct configuration default_configuration(const struct version *version)
{
	struct configuration configuration = { .is_whole = is_before(version, 4, 8),
					       .base = new_item(NULL, NULL, TABLE) };

	for (const char *const *path = default_conmons; *path; path++)
		add_word(&configuration.conmons.words, *path);
	add_word(&configuration.conmon_env.words,
		 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	return configuration;
}

struct configuration read_configuration(const struct version *version, char **modules)
{
	const char *override = nonempty(getenv(OVERRIDE_VARIABLE));
	struct configuration configuration = default_configuration(version);
	char **files = list_layers(version, modules, &configuration.obstacle);

	if (modules && configuration.is_whole)
		configuration.obstacle = "Podman 4.7 reads a module after all that is merged here";
	for (; files && *files; files++)
		read_layer(&configuration, *files, configuration.is_whole);
	if (override && !is_before(version, 4, 5)) /* older ones ignore it */
		read_layer(&configuration, override, true);
	return configuration;
}

bool is_range(const char *value)
{
	static const char digits[] = "0123456789", blanks[] = " \t";
	const size_t low = strspn(value, digits), gap = strspn(value + low, blanks);
	const size_t high = strspn(value + low + gap, digits);

	return low && gap && high && !value[low + gap + high];
}
