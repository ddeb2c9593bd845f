/*
 * What users set by PODMAN_SHIM_ variables, one row each. A value that cannot be used costs one
 * warning line and the default is used: a typing error must not keep a container from starting.
 */
#include "shim.h"

#include "message.h"
#include "settings.h"
#include "text.h"

struct settings settings = { .retries = 3, .backoff = 500, .lock_wait = 60, .lock_hold = 3 };

static const char *const mode_names[] = { "auto", "override", "lock", "off", NULL };

static const char *const switch_names[] = { "0", "1", NULL };

/* clang-format off */
const struct setting setting_table[SETTING_COUNT] = {
	{ "PODMAN_SHIM_REAL", "a path, or a name to search in PATH",
	  "the real podman; default: the first in PATH that is not podman-shim",
	  .text = &settings.real },
	{ "PODMAN_SHIM_MODE", "auto (default), override, lock, off",
	  "off: podman unchanged; lock: turns instead of a containers.conf in memory; override: remote clients take the lock for retries only",
	  .number = &settings.mode, .choices = mode_names },
	{ "PODMAN_SHIM_RETRIES", "0 to 100; default 3",
	  "how many times to retry after the failure",
	  .number = &settings.retries, .most = 100 },
	{ "PODMAN_SHIM_BACKOFF_MS", "milliseconds, 0 to 60000; default 500",
	  "the wait before the first retry; it doubles with each, up to a minute",
	  .number = &settings.backoff, .most = 60000 },
	{ "PODMAN_SHIM_LOCK", "a path",
	  "the file of the lock; default: podman-shim.lock in $XDG_RUNTIME_DIR, or in a directory of your own",
	  .text = &settings.lock },
	{ "PODMAN_SHIM_LOCK_WAIT", "seconds, 0 to 86400; default 60",
	  "how long to wait for the lock before going on without it; with a containers.conf in memory at most 10",
	  .number = &settings.lock_wait, .most = 86400 },
	{ "PODMAN_SHIM_LOCK_HOLD", "seconds, 0 to 3600; default 3",
	  "how long a client of a remote podman keeps the lock, at most",
	  .number = &settings.lock_hold, .most = 3600 },
	{ "PODMAN_SHIM_LOG", "a path",
	  "a file that gets a line for each retry, rescue, fallback, giving up and long wait",
	  .text = &messages.log },
	{ "PODMAN_SHIM_DEBUG", "0 (default), 1",
	  "1: a line on stderr for each decision, with its reason",
	  .number = &messages.debug, .choices = switch_names },
};
/* clang-format on */

const char *setting_value(const struct setting *setting)
{
	if (setting->text)
		return *setting->text;
	return setting->choices ? setting->choices[*setting->number] : text("%d", *setting->number);
}

/* Returns whether any setting is in the environment: one look at it, where most have none. */
static bool has_settings(void)
{
	for (char **variable = environ; variable && *variable; variable++)
		if (skip_prefix(*variable, "PODMAN_SHIM_"))
			return true;
	return false;
}

void read_settings(void)
{
	if (!has_settings())
		return;
	for (size_t i = 0; i < LENGTH(setting_table); i++) {
		const struct setting *setting = &setting_table[i];
		const char *value = nonempty(getenv(setting->name));
		int number;

		if (!value)
			continue;
		if (setting->text) {
			*setting->text = value;
			continue;
		}
		number = setting->choices ? index_of(value, setting->choices)
					  : number_of(value, setting->most);
		if (number >= 0)
			*setting->number = number;
		else
			warn("%s: no such value, using %s: %s", setting->name,
			     setting_value(setting), value);
	}
}
