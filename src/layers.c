/*
 * Which files podman reads its configuration from, and in which order: containers.conf(5). Each
 * version has its own rules. What is in the files is no matter here.
 */
#include "shim.h"

#include "layers.h"
#include "text.h"

#define SYSTEM_FILE "/usr/share/containers/containers.conf"
#define SYSTEM_PREFIX "/usr/share/containers/containers."
#define ADMINISTRATORS_FILE "/etc/containers/containers.conf"
#define ADMINISTRATORS_PREFIX "/etc/containers/containers."

struct layers {
	const struct version *version;
	uid_t uid;            /* of who runs podman */
	const char *users;    /* that user's own file, or NULL if its place is not known */
	char **files;         /* those that have been found; NULL-ended, or NULL */
	const char *obstacle; /* why they may be others, or NULL */
};

/* Adds `path` to `files`, unless there is no such file. Returns whether there is one, also if it
   cannot be read. */
static bool add_file(char ***files, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 && errno == ENOENT)
		return false;
	add_word(files, text("%s", path));
	return true;
}

static int is_conf(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".conf") == 0;
}

static int compare_names(const void *one, const void *other)
{
	return strcmp(base_name(*(char *const *)one), base_name(*(char *const *)other));
}

/* Returns the drop-ins in `directory`, sorted by name; NULL-ended, or NULL. Podman before 5.7 does
   not follow a symbolic link to such a directory, and before 3.3 reads none. */
static char **list_directory(struct layers *layers, const char *directory)
{
	struct dirent **entries;
	struct stat status;
	char **files = NULL;
	int count;

	if (is_before(layers->version, 3, 3) ||
	    (is_before(layers->version, 5, 7) && lstat(directory, &status) == 0 &&
	     !S_ISDIR(status.st_mode)))
		return NULL;
	count = scandir(directory, &entries, is_conf, alphasort);
	if (count < 0 && errno != ENOENT && !layers->obstacle)
		layers->obstacle = text("%s: %s", directory, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *path = text("%s/%s", directory, entries[i]->d_name);

		if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
			add_word(&files, path);
	}
	return files;
}

static void add_directory(struct layers *layers, const char *directory)
{
	for (char **file = list_directory(layers, directory); file && *file; file++)
		add_word(&layers->files, *file);
}

/* Adds the drop-ins in `directory` to `files`, where each takes the place of one of the same name.
 */
static void merge_directory(struct layers *layers, char ***files, const char *directory)
{
	for (char **file = list_directory(layers, directory); file && *file; file++) {
		char **same = *files;

		while (same && *same && compare_names(same, file) != 0)
			same++;
		if (same && *same)
			*same = *file;
		else
			add_word(files, *file);
	}
}

/* Merges the directories whose paths begin with `prefix`: for all, and for such a user. */
static void merge_directories(struct layers *layers, char ***files, const char *prefix)
{
	const char *user = layers->uid ? "rootless" : "rootful";

	merge_directory(layers, files, text("%sconf.d", prefix));
	merge_directory(layers, files, text("%s%s.conf.d", prefix, user));
	if (layers->uid)
		merge_directory(layers, files,
				text("%s%s.conf.d/%ju", prefix, user, (uintmax_t)layers->uid));
}

/* Adds what Podman 6 reads: of the main files the first, then the others by their names
   (go.podman.io/storage, pkg/configfile/parse.go). */
static void add_layers_of_6(struct layers *layers)
{
	const char *users = layers->users;
	char **drop_ins = NULL, **end;

	if (!(users && add_file(&layers->files, users)) &&
	    !add_file(&layers->files, ADMINISTRATORS_FILE))
		add_file(&layers->files, SYSTEM_FILE);
	merge_directories(layers, &drop_ins, SYSTEM_PREFIX);
	merge_directories(layers, &drop_ins, ADMINISTRATORS_PREFIX);
	if (users)
		merge_directory(layers, &drop_ins, text("%s.d", users));
	for (end = drop_ins; end && *end; end++)
		;
	if (drop_ins)
		qsort(drop_ins, (size_t)(end - drop_ins), sizeof *drop_ins, compare_names);
	for (char **file = drop_ins; file && *file; file++)
		add_word(&layers->files, *file);
}

/* Adds what Podman before 6 reads: containers/common, pkg/config/new.go. */
static void add_layers(struct layers *layers)
{
	static const char rootless[] = ADMINISTRATORS_PREFIX "rootless.conf";
	const uid_t uid = layers->uid;

	add_file(&layers->files, SYSTEM_FILE);
	add_file(&layers->files, ADMINISTRATORS_FILE);
	add_directory(layers, ADMINISTRATORS_FILE ".d");
	if (uid && !is_before(layers->version, 5, 7)) {
		add_file(&layers->files, rootless);
		add_directory(layers, text("%s.d", rootless));
		add_directory(layers, text("%s.d/%ju", rootless, (uintmax_t)uid));
	}
	if (layers->users && (uid || !is_before(layers->version, 5, 0))) {
		add_file(&layers->files, layers->users);
		add_directory(layers, text("%s.d", layers->users));
	}
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
static const char *find_module(const struct layers *layers, const char *name)
{
	const char *const files[] = { layers->uid ? layers->users : NULL, ADMINISTRATORS_FILE,
				      SYSTEM_FILE };
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

char **list_layers(const struct version *version, char **modules, const char **obstacle)
{
	const char *only = nonempty(getenv("CONTAINERS_CONF"));
	const uid_t uid = real_uid();
	struct layers layers = { .version = version, .uid = uid, .users = users_file(uid) };

	if (!layers.users)
		layers.obstacle = "no home directory: the user's containers.conf is unknown";
	if (only)
		add_word(&layers.files, text("%s", only));
	else if (version->major >= 6)
		add_layers_of_6(&layers);
	else
		add_layers(&layers);
	for (; modules && *modules; modules++) {
		const char *module = find_module(&layers, *modules);

		if (module)
			add_word(&layers.files, text("%s", module));
		else if (!layers.obstacle)
			layers.obstacle = text("module %s not found", *modules);
	}
	*obstacle = layers.obstacle;
	return layers.files;
}
