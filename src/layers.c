/*
 * Which files podman reads its configuration from, and in which order: containers.conf(5). Each
 * version has its own rules. What is in the files is no matter here.
 */
#include "shim.h"

#include "layers.h"
#include "text.h"

#define SYSTEM_PREFIX "/usr/share/containers/containers."
#define ADMINISTRATORS_PREFIX "/etc/containers/containers."
#define SYSTEM_FILE SYSTEM_PREFIX "conf"
#define ADMINISTRATORS_FILE ADMINISTRATORS_PREFIX "conf"

struct layers {
	const struct version *version;
	uid_t uid;            /* of who runs podman */
	const char *users;    /* that user's own file, or NULL if its place is not known */
	char **files;         /* those that have been found; NULL-ended, or NULL */
	const char *obstacle; /* why they may be others, or NULL */
};

/* Adds `path`, unless there is no such file. Returns whether there is one, also if it cannot be
   read. */
static bool add_file(struct layers *layers, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 && errno == ENOENT)
		return false;
	add_word(&layers->files, path);
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

/* Adds the drop-ins in `directory` to `files`, sorted by name. Podman before 5.7 does not follow a
   symbolic link to such a directory, and before 3.3 reads none; from 6 on a drop-in takes the place
   of an earlier one of the same name. */
static void add_directory(struct layers *layers, char ***files, const char *directory)
{
	struct dirent **entries;
	struct stat status;
	int count;

	if (is_before(layers->version, 3, 3) ||
	    (is_before(layers->version, 5, 7) && lstat(directory, &status) == 0 &&
	     !S_ISDIR(status.st_mode)))
		return;
	count = scandir(directory, &entries, is_conf, alphasort);
	if (count < 0 && errno != ENOENT && !layers->obstacle)
		layers->obstacle = text("%s: %s", directory, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *path = text("%s/%s", directory, entries[i]->d_name);
		char **same = layers->version->major < 6 ? NULL : *files;

		if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
			continue;
		while (same && *same && compare_names(same, &path) != 0)
			same++;
		if (same && *same)
			*same = path;
		else
			add_word(files, path);
	}
}

/* Adds what Podman 6 reads: of the main files the first, then the others by their names
   (go.podman.io/storage, pkg/configfile/parse.go). */
static void add_layers_of_6(struct layers *layers)
{
	static const char *const prefixes[] = { SYSTEM_PREFIX, ADMINISTRATORS_PREFIX };
	const char *user = layers->uid ? "rootless" : "rootful";
	char **drop_ins = NULL;
	size_t count = 0;

	if (!(layers->users && add_file(layers, layers->users)) &&
	    !add_file(layers, ADMINISTRATORS_FILE))
		add_file(layers, SYSTEM_FILE);
	for (size_t i = 0; i < LENGTH(prefixes); i++) {
		const char *users = text("%s%s.conf.d", prefixes[i], user);

		add_directory(layers, &drop_ins, text("%sconf.d", prefixes[i]));
		add_directory(layers, &drop_ins, users);
		if (layers->uid)
			add_directory(layers, &drop_ins,
				      text("%s/%ju", users, (uintmax_t)layers->uid));
	}
	if (layers->users)
		add_directory(layers, &drop_ins, text("%s.d", layers->users));
	while (drop_ins && drop_ins[count])
		count++;
	if (count)
		qsort(drop_ins, count, sizeof *drop_ins, compare_names);
	for (size_t i = 0; i < count; i++)
		add_word(&layers->files, drop_ins[i]);
}

/* Adds what Podman before 6 reads: containers/common, pkg/config/new.go. */
static void add_layers(struct layers *layers)
{
	static const char rootless[] = ADMINISTRATORS_PREFIX "rootless.conf";
	const uid_t uid = layers->uid;

	add_file(layers, SYSTEM_FILE);
	add_file(layers, ADMINISTRATORS_FILE);
	add_directory(layers, &layers->files, ADMINISTRATORS_FILE ".d");
	if (uid && !is_before(layers->version, 5, 7)) {
		add_file(layers, rootless);
		add_directory(layers, &layers->files, text("%s.d", rootless));
		add_directory(layers, &layers->files, text("%s.d/%ju", rootless, (uintmax_t)uid));
	}
	if (layers->users && (uid || !is_before(layers->version, 5, 0))) {
		add_file(layers, layers->users);
		add_directory(layers, &layers->files, text("%s.d", layers->users));
	}
}

/* Returns the user's number, as rootless podman's own processes know it (containers/storage,
   pkg/unshare/unshare_linux.go). */
static uid_t real_uid(void)
{
	const char *value = nonempty(getenv("_CONTAINERS_ROOTLESS_UID"));

	return value ? (uid_t)strtoul(value, NULL, 10) : getuid();
}

/* Returns the user's own containers.conf, or NULL if its place is not known. */
static const char *users_file(uid_t uid)
{
	const char *config = nonempty(getenv("XDG_CONFIG_HOME"));
	const char *home = nonempty(getenv("HOME"));
#ifdef __linux__
	/* not getpwuid(3), which a static program cannot count on */
	FILE *users = config || home ? NULL : fopen("/etc/passwd", "re");
	struct passwd *user;

	while (users && !home && (user = fgetpwent(users)))
		if (user->pw_uid == uid)
			home = text("%s", user->pw_dir);
	if (users)
		fclose(users);
#else
	(void)uid;
#endif
	if (config)
		return text("%s/containers/containers.conf", config);
	return home ? text("%s/.config/containers/containers.conf", home) : NULL;
}

/* Adds the file of the module `name`: resolveModule of containers/common, pkg/config/modules.go.
   Returns false if there is none, or if its path is not plain: podman resolves `..` by the
   letters. */
static bool add_module(struct layers *layers, const char *name)
{
	const char *const files[] = { layers->uid ? layers->users : NULL, ADMINISTRATORS_FILE,
				      SYSTEM_FILE };

	if (name[0] == '/')
		return add_file(layers, name);
	for (size_t i = 0; i < LENGTH(files) && !strstr(name, ".."); i++)
		if (files[i] && add_file(layers, text("%s.modules/%s", files[i], name)))
			return true;
	return false;
}

char **list_layers(const struct version *version, char **modules, const char **obstacle)
{
	const char *only = nonempty(getenv("CONTAINERS_CONF"));
	const uid_t uid = real_uid();
	struct layers layers = { .version = version, .uid = uid, .users = users_file(uid) };

	if (!layers.users)
		layers.obstacle = "no home directory: the user's containers.conf is unknown";
	if (only)
		add_word(&layers.files, only);
	else if (version->major >= 6)
		add_layers_of_6(&layers);
	else
		add_layers(&layers);
	for (; modules && *modules; modules++)
		if (!add_module(&layers, *modules))
			layers.obstacle = text("module %s not found", *modules);
	*obstacle = layers.obstacle;
	return layers.files;
}
