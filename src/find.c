/*
 * Which file is the real podman: what execvp(3) would find in PATH if no shim were there. Taking
 * another copy of the shim for it would execute shims for ever, so each must be recognized here.
 */
#include "shim.h"

#include "file.h"
#include "find.h"
#include "message.h"
#include "settings.h"
#include "text.h"

/* What makes any build of the shim recognizable in a file. */
static const char signature[] = "This file is podman-shim, which executes podman. (e2b6a0c9)";

/* bytes: a script, a launcher or a shim is smaller; Podman and Docker are ten times as large */
#define LARGEST_STAND_IN (4 << 20)

/* How often what stands in podman's place may lead back to the shim: `podman unshare` in a script
   does so once, a script that calls `podman` does so for ever. */
#define MOST_STAND_INS 5

/* Fills `status` with that of the file being executed; returns false if it cannot be known. */
static bool stat_self(struct stat *status)
{
	return stat("/proc/self/exe", status) == 0; /* elsewhere the signature is enough */
}

/* Returns whether the file of `program` is a shim. Notes in `program` whether it may only stand in
   for podman, and lead back here: so may what cannot be looked into. */
static bool contains_shim(struct program *program)
{
	char *content;
	size_t length;
	bool found;

	program->stands_in = program->status.st_size <= LARGEST_STAND_IN;
	if (!program->stands_in)
		return false;
	content = read_whole(program->path, LARGEST_STAND_IN, &length);
	if (!content) {
		trace("%s: cannot be looked into: %s", program->path, strerror(errno));
		return false;
	}
	found = memmem(content, length, signature, sizeof signature - 1);
	free(content);
	return found;
}

#define IS_SHIM (-1) /* no errno value */

/* Returns 0 if `path` is a file that may be executed, with what there is to know of it in
   `program`, else an errno value; IS_SHIM for a shim, which is looked for unless `self`, the status
   of the shim's own file, is NULL. */
static int check_executable(const char *path, struct program *program, const struct stat *self)
{
	if (stat(path, &program->status) < 0)
		return errno;
	if (self && is_same_file(&program->status, self))
		return IS_SHIM;
	if (S_ISDIR(program->status.st_mode))
		return EISDIR;
	if (!S_ISREG(program->status.st_mode))
		return EACCES;
	if (access(path, X_OK) < 0)
		return errno;
	program->path = path;
	return self && contains_shim(program) ? IS_SHIM : 0;
}

/* Returns the next candidate for `name` of PATH, and moves `*rest` past its element; NULL at the
   end. An empty element is the current directory: execvp(3). */
static char *next_in_path(const char **rest, const char *name)
{
	const char *element = *rest;
	size_t length;
	char *path;

	if (!element)
		return NULL;
	length = strcspn(element, ":");
	*rest = element[length] ? element + length + 1 : NULL;
	if (!length)
		element = ".", length = 1;
	/* not text(), which takes more instructions than all else that finds podman */
	path = malloc(length + 1 + strlen(name) + 1);
	if (!path)
		die_without_memory();
	memcpy(path, element, length);
	path[length] = '/';
	strcpy(path + length + 1, name);
	return path;
}

/* Returns PATH, or what execvp(3) uses without one. */
static const char *search_path(void)
{
	const char *path = getenv("PATH");

	return path ? path : "/bin:/usr/bin";
}

/* Fills `program` with the file that `name` is the path of, or else with the first of that name in
   PATH that is not a shim. Returns NULL, or why there is none. */
static const char *search_program(const char *name, struct program *program)
{
	const char *rest = search_path();
	struct stat self = { .st_ino = 0 };
	char *candidate;
	int error;

	if (!stat_self(&self))
		trace("own file: unknown: shims are told by their content only");
	if (strchr(name, '/')) {
		error = check_executable(name, program, &self);
		return error == IS_SHIM ? "that is podman-shim itself"
		       : error          ? strerror(error)
					: NULL;
	}
	while ((candidate = next_in_path(&rest, name))) {
		if (check_executable(candidate, program, &self) == 0)
			return NULL;
		free(candidate);
	}
	return "none in PATH that is not podman-shim";
}

/* Counts in the environment, since nothing else survives the exec of a shell, that `path`, which is
   not podman itself, is executed in podman's place. Does not return if it has been too often. */
static void count_stand_in(const char *path)
{
	const char *value = getenv(STAND_INS_VARIABLE);
	int depth = value ? atoi(value) : 0;

	if (depth >= MOST_STAND_INS)
		die(STATUS_FAILED,
		    "%s: that calls podman again, which is podman-shim: let it name the real "
		    "podman",
		    path);
	setenv(STAND_INS_VARIABLE, text("%d", depth + 1), 1);
}

void execute(const char *path, char **argv)
{
	char **shells = NULL;

	execv(path, argv);
	if (errno != ENOEXEC)
		return;
	add_word(&shells, "/bin/sh");
	add_word(&shells, path);
	while (*++argv)
		add_word(&shells, *argv);
	execv(shells[0], shells);
}

/* Returns what the real one is called. `docker` only where the shim's own file is executed by that
   name: `exec -a docker podman` is podman under another name, which podman deals with itself. */
static const char *name_to_search(const char *argv0)
{
#ifdef __linux__
	const char *executed = (const char *)(uintptr_t)getauxval(AT_EXECFN);
#else
	const char *executed = argv0;
#endif

	if (executed && strcmp(base_name(executed), "docker") == 0)
		return "docker";
	return strcmp(base_name(argv0), "podman-remote") == 0 ? "podman-remote" : "podman";
}

struct program find_podman(const char *argv0)
{
	const char *name = settings.real ? settings.real : name_to_search(argv0);
	struct program program = { .path = NULL };
	const char *why = search_program(name, &program);

	if (why)
		die(STATUS_NOT_FOUND, "real podman not found: %s: %s", name, why);
	trace("podman: %s (%s)", program.path,
	      settings.real ? "PODMAN_SHIM_REAL" : "the first in PATH that is not a shim");
	if (program.stands_in)
		count_stand_in(program.path);
	return program;
}

/*
 * conmon
 *
 * The override makes podman execute the shim for conmon, so it is for the shim to know which
 * conmon podman would have run: Config.FindConmon of containers/common, pkg/config/config.go.
 */

const char *find_conmon(char **configured)
{
	const char *rest = search_path();
	struct program program;
	struct stat status;
	char *candidate;

	for (char **path = configured; path && *path; path++)
		if (stat(*path, &status) == 0 && !S_ISDIR(status.st_mode))
			return (*path)[0] == '/' ? *path : NULL;
	while ((candidate = next_in_path(&rest, "conmon"))) {
		if (check_executable(candidate, &program, NULL) == 0)
			return candidate[0] == '/' ? candidate : NULL;
		free(candidate);
	}
	return NULL;
}

const char *own_path(void)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	struct stat self, named;

	if (length <= 0 || !stat_self(&self))
		return NULL;
	path[length] = 0;
	if (stat(path, &named) < 0 || !is_same_file(&named, &self))
		return NULL; /* deleted or replaced since */
	return path;
}

/* Nobody types these. */
static const char conmon_spelling[] = "/././", runtime_spelling[] = "/./././";

/* Returns the path of the shim's own file with `spelling` for its last slash, or NULL. */
static const char *spell_own_path(const char *spelling)
{
	const char *path = own_path(), *slash = path ? strrchr(path, '/') : NULL;

	return slash ? text("%.*s%s%s", (int)(slash - path), path, spelling, slash + 1) : NULL;
}

/* Returns whether `path` has `spelling` for its last slash. */
static bool is_spelled(const char *path, const char *spelling)
{
	const ptrdiff_t length = (ptrdiff_t)strlen(spelling);
	const char *name = base_name(path);

	return name - path >= length && skip_prefix(name - length, spelling);
}

const char *conmon_alias(void)
{
	return spell_own_path(conmon_spelling);
}

const char *runtime_alias(void)
{
	return spell_own_path(runtime_spelling);
}

bool is_runtime_alias(const char *argv0)
{
	return is_spelled(argv0, runtime_spelling);
}

bool is_conmon_alias(const char *argv0)
{
	return is_spelled(argv0, conmon_spelling) && !is_runtime_alias(argv0);
}
