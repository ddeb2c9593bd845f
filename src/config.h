#ifndef CONFIG_H
#define CONFIG_H

#include "shim.h"

#include "toml.h"
#include "version.h"

/* An array of strings that a later file may add to: attributedstring.Slice of containers/common. */
struct strings {
	char **words; /* NULL-ended, or NULL */
	bool appends; /* {append=true}, which also holds for later files that do not mention it */
};

struct configuration {
	struct version version;      /* of the podman that reads it */
	struct strings sysctls, env; /* [containers] default_sysctls, env */
	bool env_host;               /* [containers] env_host */
	const char *log_driver;      /* [containers] log_driver, or NULL */
	struct strings conmons;      /* [engine] conmon_path */
	struct strings conmon_env;   /* [engine] conmon_env_vars */
	struct strings engine_env;   /* [engine] env */
	bool remote;                 /* [engine] remote */
	/* whether podman would add the override's arrays to those above, not replace them */
	bool sysctls_append, conmons_append, conmon_env_append;
	struct item *callers; /* what the caller's own override holds, or NULL */
	/* Of a Podman before 4.8, which reads no override: all that it would have read, the
	   caller's override last. Else NULL. */
	struct item *merged;
	const char *obstacle; /* why this cannot be relied on, or NULL */
};

/* The default of conmon_path; NULL-ended. */
extern const char *const default_conmons[];

/* Returns the item of `table` that podman reads as `key`, or NULL. */
struct item *find_key(struct reader *reader, const struct item *table, const char *key);

/* Reads what podman of `version`, with the modules `modules`, would. */
struct configuration read_configuration(const struct version *version, char **modules);

/* Returns the value that `sysctl`, KEY=VALUE, gives ping_group_range, or NULL: blanks around it,
   and another `=`, are errors of podman's (ValidateSysctls of its pkg/util/utils.go). */
const char *ping_value(const char *sysctl);

/* Returns whether `value` is a range as the kernel takes one: icmp(7). */
bool is_range(const char *value);

#endif
