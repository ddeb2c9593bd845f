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
	const char **text;          /* where it goes, if it is any text; */
	int *number;                /* or if it is an index of */
	const char *const *choices; /* these, or where there are none */
	int most;                   /* a number from 0 up to this one */
};

#define SETTING_COUNT 9
extern const struct setting setting_table[SETTING_COUNT];

/* Returns the value of `setting` that is in force; NULL: none. */
const char *setting_value(const struct setting *setting);

void read_settings(void);

#endif
