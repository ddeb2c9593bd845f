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
	  "searched in PATH", &settings.real, NULL, NULL, 0 },
	{ "PODMAN_SHIM_MODE", "auto (default), override, lock, off",
	  "off: podman as it is; lock: no containers.conf in memory; override: no lock but for retries",
	  "auto", NULL, &settings.mode, mode_names, 0 },
	{ "PODMAN_SHIM_RETRIES", "0 to 100; default 3",
	  "how often the failure is answered with a retry",
	  "3", NULL, &settings.retries, NULL, 100 },
	{ "PODMAN_SHIM_BACKOFF_MS", "milliseconds, 0 to 60000; default 500",
	  "the wait before the first retry; it doubles with each, up to a minute",
	  "500", NULL, &settings.backoff, NULL, 60000 },
	{ "PODMAN_SHIM_LOCK", "a path",
	  "the file of the lock; default: podman-shim.lock in $XDG_RUNTIME_DIR, or in a directory of your own",
	  "in the user's directory", &settings.lock, NULL, NULL, 0 },
	{ "PODMAN_SHIM_LOCK_WAIT", "seconds, 0 to 86400; default 60",
	  "how long to wait for the lock before going on without it; at most 10 with a local podman",
	  "60", NULL, &settings.lock_wait, NULL, 86400 },
	{ "PODMAN_SHIM_LOCK_HOLD", "seconds, 0 to 3600; default 3",
	  "how long a client of a remote podman keeps the lock, at most",
	  "3", NULL, &settings.lock_hold, NULL, 3600 },
	{ "PODMAN_SHIM_LOG", "a path",
	  "a file that gets a line for each retry, rescue, fallback, giving up and long wait",
	  "none", &settings.log, NULL, NULL, 0 },
	{ "PODMAN_SHIM_DEBUG", "0 (default), 1",
	  "1: a line on stderr for each decision, with its reason",
	  "0", NULL, &settings.debug, switch_names, 0 },
};
/* clang-format on */

int setting_number(const struct setting *setting, const char *value)
{
	return setting->choices ? index_of(value, setting->choices)
				: number_of(value, setting->most);
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
		number = setting_number(setting, value);
		if (number >= 0)
			*setting->number = number;
		else
			warn("%s: no such value, using %s: %s", setting->name, setting->by_default,
			     value);
	}
	messages.debug = settings.debug;
	messages.log = settings.log;
}
