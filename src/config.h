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
	struct strings sysctls, env; /* [containers] default_sysctls, env */
	bool env_host;               /* [containers] env_host */
	const char *log_driver;      /* [containers] log_driver, or NULL */
	struct strings conmons;      /* [engine] conmon_path */
	struct strings conmon_env;   /* [engine] conmon_env_vars */
	struct strings engine_env;   /* [engine] env */
	bool remote;                 /* [engine] remote */
	bool appends;                /* some array has said whether it adds to earlier ones */
	bool is_whole;               /* of a Podman before 4.8: the override is all that it reads */
	/* What the override adds to: the caller's own; if `is_whole`, all that podman would have
	   read, the caller's override last. */
	struct item *base;
	const char *obstacle; /* why this cannot be relied on, or NULL */
};

/* Sets what podman reads as `key` of the table `section` in `root` to `value`, spelled as in a
   file. */
void set_key(struct item *root, const char *section, const char *key, const char *value);

/* Returns what podman of `version` takes where no file says anything else. */
struct configuration default_configuration(const struct version *version);

/* Lets a file that holds `content`, of `length` bytes and a zero byte, change `configuration`; adds
   it to the base if `adds`. Returns false on error, which is in `reader`. */
bool read_content(struct configuration *configuration, struct reader *reader, const char *content,
		  size_t length, bool adds);

/* Reads what podman of `version`, with the modules `modules`, would. */
struct configuration read_configuration(const struct version *version, char **modules);

/* Returns whether `value` is a range as the kernel takes one: icmp(7). */
bool is_range(const char *value);

#endif
