#ifndef SETTINGS_H
#define SETTINGS_H

#include "shim.h"

enum mode { MODE_AUTO, MODE_OVERRIDE, MODE_LOCK, MODE_OFF };

extern struct settings {
	int mode; /* enum mode */
	int retries;
	int backoff;      /* ms before the first retry, doubling */
	int lock_wait;    /* seconds */
	int lock_hold;    /* seconds */
	const char *real; /* NULL: search PATH */
	const char *lock; /* NULL: in the user's directory */
} settings;

/* The rows are what --shim-help prints; README.md has some of them. */
struct setting {
	const char *name, *values, *meaning;
	const char **text;          /* where a setting goes that is any text; else NULL */
	int *number;                /* where the number of any other goes */
	const char *const *choices; /* its words, which have the numbers from 0 on; or NULL */
	int most;                   /* the largest number, if it is one itself */
};

#define SETTING_COUNT 9
extern const struct setting setting_table[SETTING_COUNT];

/* Returns the value of `setting` that is in force; NULL: none. */
const char *setting_value(const struct setting *setting);

void read_settings(void);

#endif
