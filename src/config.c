/*
 * What podman will read of containers.conf, in podman's order, for the keys that the override sets
 * and for those that rule it out. Where that cannot be said for sure there is an obstacle, and no
 * override.
 */
#include "shim.h"

#include "config.h"
#include "file.h"
#include "find.h"
#include "message.h"
#include "override.h"
#include "text.h"
#include "toml.h"
#include "version.h"

#include "command.h"

#define LARGEST_CONFIGURATION (256 << 10) /* bytes */

const char *const default_conmons[] = {
	"/usr/libexec/podman/conmon",
	"/usr/local/libexec/podman/conmon",
	"/usr/local/lib/podman/conmon",
	"/usr/bin/conmon",
	"/usr/sbin/conmon",
	"/usr/local/bin/conmon",
	"/usr/local/sbin/conmon",
	"/run/current-system/sw/bin/conmon",
	NULL,
};

/* The default of conmon_env_vars. */
static const char conmon_environment[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Returns whether `name` is `key` to podman: strings.EqualFold of Go, for a `key` of ASCII. It
   takes two letters beyond ASCII for an s and a k: the long s and the sign of kelvin. */
static bool is_key(const char *name, const char *key)
{
	static const char long_s[] = "\305\277", kelvin[] = "\342\204\252";

	for (; *key; key++) {
		const char *rest = *key == 's'   ? skip_prefix(name, long_s)
				   : *key == 'k' ? skip_prefix(name, kelvin)
						 : NULL;

		if (!rest && tolower((unsigned char)*name) != *key)
			return false;
		name = rest ? rest : name + 1;
	}
	return !*name;
}

struct item *find_key(struct reader *reader, const struct item *table, const char *key)
{
	struct item *found = NULL;

	for (struct item *item = table ? table->first : NULL; item; item = item->next) {
		if (!is_key(item->name, key))
			continue;
		if (found)
			refuse_at(reader, item->key, "a key that is there already, to podman");
		found = item;
	}
	return found;
}

/* The same, if it is of the kind `kind`; anything else is an error. */
static struct item *find_kind(struct reader *reader, const struct item *table, const char *key,
			      enum kind kind)
{
	struct item *item = find_key(reader, table, key);

	if (!item || item->kind == kind)
		return item;
	refuse_at(reader, item->key, "a value of another kind than podman expects");
	return NULL;
}

/* Puts the attributes that `table`, an element of an array of strings, holds into `strings`. */
static void read_attributes(struct reader *reader, const struct item *table,
			    struct strings *strings)
{
	for (const struct item *item = table->first; item; item = item->next) {
		if (strcmp(item->name, "append") == 0 && item->kind == BOOLEAN)
			strings->appends = item->truth;
		else
			refuse_at(reader, item->key, "an attribute that podman does not know");
	}
}

/* Reads `key` of `table`, an array of strings, into `strings`, if it is there: Slice.UnmarshalTOML
   of containers/common, internal/attributedstring/slice.go. */
static void read_strings(struct reader *reader, const struct item *table, const char *key,
			 struct strings *strings)
{
	const struct item *array = find_kind(reader, table, key, ARRAY);
	char **words = NULL;

	if (!array)
		return;
	for (const struct item *item = array->first; item; item = item->next) {
		if (item->kind == STRING)
			add_word(&words, text("%s", item->text));
		else if (item->kind == TABLE)
			read_attributes(reader, item, strings);
		else
			refuse_at(reader, item->value, "something else among strings");
	}
	if (!strings->appends)
		strings->words = words;
	else
		for (char **word = words; word && *word; word++)
			add_word(&strings->words, *word);
}

static void read_boolean(struct reader *reader, const struct item *table, const char *key,
			 bool *value)
{
	const struct item *item = find_kind(reader, table, key, BOOLEAN);

	if (item)
		*value = item->truth;
}

/* Lets the file that was read into `root` change `configuration`. */
static void read_keys(struct configuration *configuration, struct reader *reader,
		      const struct item *root)
{
	const struct item *containers = find_kind(reader, root, "containers", TABLE);
	const struct item *engine = find_kind(reader, root, "engine", TABLE);
	const struct item *log_driver = find_kind(reader, containers, "log_driver", STRING);

	read_strings(reader, containers, "default_sysctls", &configuration->sysctls);
	read_strings(reader, containers, "env", &configuration->env);
	read_boolean(reader, containers, "env_host", &configuration->env_host);
	if (log_driver)
		configuration->log_driver = log_driver->text;
	read_strings(reader, engine, "conmon_path", &configuration->conmons);
	read_strings(reader, engine, "conmon_env_vars", &configuration->conmon_env);
	read_strings(reader, engine, "env", &configuration->engine_env);
	read_boolean(reader, engine, "remote", &configuration->remote);
}

/* Reads one file, and notes an obstacle in it. Returns what it holds, or NULL if it cannot be read,
   which is an obstacle, or is not there and need not be. */
static struct item *read_layer(struct configuration *configuration, const char *path, bool optional)
{
	struct reader reader;
	struct item *root;
	size_t length;
	char *content;

	if (configuration->obstacle)
		return NULL;
	content = read_whole(path, LARGEST_CONFIGURATION, &length);
	if (!content) {
		if (!optional || errno != ENOENT)
			configuration->obstacle = text("%s: %s", path, strerror(errno));
		return NULL;
	}
	root = read_toml(&reader, content, length);
	if (root)
		read_keys(configuration, &reader, root);
	if (reader.error)
		configuration->obstacle = text("%s:%d: %s", path, reader.line, reader.error);
	return root;
}

static int compare_names(const void *one, const void *other)
{
	return strcmp(base_name(*(char *const *)one), base_name(*(char *const *)other));
}

static void sort_by_name(char **files)
{
	size_t count = 0;

	while (files && files[count])
		count++;
	if (count)
		qsort(files, count, sizeof *files, compare_names);
}

/* Returns the files in `directory` whose names end in .conf, sorted by name. Podman before 5.7 does
   not follow a symbolic link there. */
static char **list_directory(struct configuration *configuration, const char *directory)
{
	static const char suffix[] = ".conf";
	struct dirent *entry;
	struct stat link;
	char **files = NULL;
	DIR *entries;

	if (is_before(&configuration->version, 5, 7) && lstat(directory, &link) == 0 &&
	    !S_ISDIR(link.st_mode))
		return NULL;
	entries = opendir(directory);
	if (!entries) {
		if (errno != ENOENT && !configuration->obstacle)
			configuration->obstacle = text("%s: %s", directory, strerror(errno));
		return NULL;
	}
	while ((entry = readdir(entries))) {
		size_t length = strlen(entry->d_name);
		char *path;
		struct stat status;

		if (length < sizeof suffix - 1 ||
		    strcmp(entry->d_name + length - (sizeof suffix - 1), suffix) != 0)
			continue;
		path = text("%s/%s", directory, entry->d_name);
		if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
			add_word(&files, path);
	}
	closedir(entries);
	sort_by_name(files);
	return files;
}

static void add_directory(struct configuration *configuration, char ***files, const char *directory)
{
	for (char **file = list_directory(configuration, directory); file && *file; file++)
		add_word(files, *file);
}

/* Adds the files in `directory` to `files`, where each takes the place of one of the same name. */
static void merge_directory(struct configuration *configuration, char ***files,
			    const char *directory)
{
	for (char **file = list_directory(configuration, directory); file && *file; file++) {
		char **same = *files;

		while (same && *same && compare_names(same, file) != 0)
			same++;
		if (same && *same)
			*same = *file;
		else
			add_word(files, *file);
	}
}

#define SYSTEM_FILE "/usr/share/containers/containers.conf"
#define ADMINISTRATORS_FILE "/etc/containers/containers.conf"
#define ADMINISTRATORS_PREFIX "/etc/containers/containers."
#define SYSTEM_PREFIX "/usr/share/containers/containers."

/* Merges the directories whose paths begin with `prefix`: for all, and for such a user. */
static void merge_directories(struct configuration *configuration, char ***files,
			      const char *prefix, uid_t uid)
{
	merge_directory(configuration, files, text("%sconf.d", prefix));
	if (!uid) {
		merge_directory(configuration, files, text("%srootful.conf.d", prefix));
		return;
	}
	merge_directory(configuration, files, text("%srootless.conf.d", prefix));
	merge_directory(configuration, files,
			text("%srootless.conf.d/%ju", prefix, (uintmax_t)uid));
}

/* Returns the files that Podman 6 reads, `users` being the user's, or NULL: of the main ones the
   first, then the others by their names (go.podman.io/storage, pkg/configfile/parse.go). */
static char **list_layers_of_6(struct configuration *configuration, const char *users, uid_t uid)
{
	const char *const main_files[] = { users, ADMINISTRATORS_FILE, SYSTEM_FILE };
	char **files = NULL, **others = NULL;
	struct stat status;

	for (size_t i = 0; i < LENGTH(main_files) && !files; i++)
		if (main_files[i] && (stat(main_files[i], &status) == 0 || errno != ENOENT))
			add_word(&files, text("%s", main_files[i]));
	merge_directories(configuration, &others, SYSTEM_PREFIX, uid);
	merge_directories(configuration, &others, ADMINISTRATORS_PREFIX, uid);
	if (users)
		merge_directory(configuration, &others, text("%s.d", users));
	sort_by_name(others);
	for (char **file = others; file && *file; file++)
		add_word(&files, *file);
	return files;
}

/* Returns the files that Podman before 6 reads: containers/common, pkg/config/new.go. */
static char **list_layers(struct configuration *configuration, const char *users, uid_t uid)
{
	const struct version *version = &configuration->version;
	char **files = NULL;

	add_word(&files, text("%s", SYSTEM_FILE));
	add_word(&files, text("%s", ADMINISTRATORS_FILE));
	add_directory(configuration, &files, ADMINISTRATORS_FILE ".d");
	if (uid && !is_before(version, 5, 7)) {
		add_word(&files, text("%s", ADMINISTRATORS_PREFIX "rootless.conf"));
		add_directory(configuration, &files, ADMINISTRATORS_PREFIX "rootless.conf.d");
		add_directory(
		    configuration, &files,
		    text("%s/%ju", ADMINISTRATORS_PREFIX "rootless.conf.d", (uintmax_t)uid));
	}
	if (users && (uid || !is_before(version, 5, 0))) {
		add_word(&files, text("%s", users));
		add_directory(configuration, &files, text("%s.d", users));
	}
	return files;
}

/* Returns the user's number, as rootless podman's own processes know it (containers/storage,
   pkg/unshare/unshare_linux.go). */
static uid_t real_uid(void)
{
	const char *value = nonempty(getenv("_CONTAINERS_ROOTLESS_UID"));

	return value ? (uid_t)strtoul(value, NULL, 10) : getuid();
}

/* Returns the home directory, or NULL if it is not known. */
static const char *home_directory(uid_t uid)
{
	const char *home = nonempty(getenv("HOME"));
#ifdef __linux__
	/* not getpwuid(3), which a static program cannot count on */
	FILE *users = home ? NULL : fopen("/etc/passwd", "re");
	struct passwd *user;

	while (users && !home && (user = fgetpwent(users)))
		if (user->pw_uid == uid)
			home = text("%s", user->pw_dir);
	if (users)
		fclose(users);
#else
	(void)uid;
#endif
	return home;
}

/* Returns the user's own containers.conf, or NULL if its place is not known. */
static const char *users_file(uid_t uid)
{
	const char *config = nonempty(getenv("XDG_CONFIG_HOME")), *home;

	if (config)
		return text("%s/containers/containers.conf", config);
	home = home_directory(uid);
	return home ? text("%s/.config/containers/containers.conf", home) : NULL;
}

/* Returns the file of the module `name`: resolveModule of containers/common, pkg/config/modules.go.
   NULL if there is none, or if its path is not plain: podman resolves `..` by the letters. */
static const char *find_module(const char *name, const char *users, uid_t uid)
{
	const char *const files[] = { uid ? users : NULL, ADMINISTRATORS_FILE, SYSTEM_FILE };
	struct stat status;

	if (name[0] == '/')
		return name;
	if (strstr(name, ".."))
		return NULL;
	for (size_t i = 0; i < LENGTH(files); i++) {
		char *path = files[i] ? text("%s.modules/%s", files[i], name) : NULL;

		if (path && stat(path, &status) == 0)
			return path;
	}
	return NULL;
}

/* Returns the number of the descriptor, other than stdin, stdout and stderr, that `path` names, or
   -1 if it names none. */
static int descriptor_of(const char *path)
{
	static const char *const directories[] = { DESCRIPTOR_DIRECTORY, PROC_DESCRIPTORS };

	for (size_t i = 0; i < LENGTH(directories); i++) {
		const char *number = skip_prefix(path, directories[i]);
		int fd = number && *number != '0' ? number_of(number, INT_MAX) : -1;

		if (fd > STDERR_FILENO)
			return fd;
	}
	return -1;
}

/* Copies all that can be read from `from`, a pipe. Returns false, and errno, on error. */
static bool copy_pipe(int from, int to)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	char buffer[4096];
	ssize_t length;

	while ((length = read(from, buffer, sizeof buffer)) != 0) {
		if (length < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (length < 0 && errno != EINTR)
			return false;
		else if (length > 0 && !write_safely(to, buffer, (size_t)length))
			return false;
	}
	return true;
}

/* If `path` names a descriptor that is a pipe, as a shell's <(...) does, reads all of it into a
   file in memory that takes its place: the shim and podman can both read that. Ends the shim if
   what has been read cannot be kept: podman would run without it. */
static void replace_pipe(const char *path)
{
	const int fd = descriptor_of(path);
	struct stat status;
	int memory;

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode))
		return;
	memory = make_memory_file();
	if (memory < 0)
		return; /* it cannot be read then, other than once */
	if (!copy_pipe(fd, memory) || lseek(memory, 0, SEEK_SET) < 0 || dup2(memory, fd) < 0)
		die(STATUS_FAILED, "cannot keep what %s held: %s", path, strerror(errno));
	close(memory);
}

struct configuration read_configuration(const struct version *version, char **modules)
{
	const char *only = nonempty(getenv("CONTAINERS_CONF"));
	const char *callers = nonempty(getenv(OVERRIDE_VARIABLE));
	const uid_t uid = real_uid();
	const char *users = users_file(uid);
	struct configuration configuration = { .version = *version };
	char **files = NULL;

	for (const char *const *path = default_conmons; *path; path++)
		add_word(&configuration.conmons.words, text("%s", *path));
	add_word(&configuration.conmon_env.words, text("%s", conmon_environment));
	if (!users)
		configuration.obstacle = "no home directory: the user's containers.conf is unknown";
	if (only)
		read_layer(&configuration, only, false);
	else
		files = version->major >= 6 ? list_layers_of_6(&configuration, users, uid)
					    : list_layers(&configuration, users, uid);
	for (char **file = files; file && *file; file++)
		read_layer(&configuration, *file, true);
	for (; modules && *modules; modules++) {
		const char *module = find_module(*modules, users, uid);

		if (module)
			read_layer(&configuration, module, false);
		else if (!configuration.obstacle)
			configuration.obstacle = text("module %s not found", *modules);
	}
	configuration.sysctls_append = configuration.sysctls.appends;
	configuration.conmons_append = configuration.conmons.appends;
	configuration.conmon_env_append = configuration.conmon_env.appends;
	if (callers && !is_before(version, 4, 5)) { /* older ones ignore it */
		replace_pipe(callers);
		configuration.callers = read_layer(&configuration, callers, false);
	}
	return configuration;
}

const char *ping_value(const char *sysctl)
{
	const char *value = skip_prefix(sysctl, PING_SYSCTL);

	if (!value || strchr(value, '=') ||
	    (*value &&
	     (isspace((unsigned char)*value) || isspace((unsigned char)value[strlen(value) - 1]))))
		return NULL;
	return value;
}

bool is_range(const char *value)
{
	static const char digits[] = "0123456789", blanks[] = " \t";
	const size_t low = strspn(value, digits), gap = strspn(value + low, blanks);
	const size_t high = strspn(value + low + gap, digits);

	return low && gap && high && !value[low + gap + high];
}
