/*
 * What every room may use.
 */
#ifndef SHIM_H
#define SHIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create, memmem, vasprintf, F_ADD_SEALS */
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64 /* glibc on 32 bits: else stat(2) fails for large inode numbers */
#endif

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/xattr.h>
#endif

/* linux/nsfs.h, which is no part of a C library: ioctl_nsfs(2) */
#define NS_GET_USERNS _IO(0xb7, 1)

#define VERSION "1.0.0"

extern char **environ;

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Exit statuses of the shim's own, podman's numbers: podman-run(1), "Exit Status". */
enum { STATUS_FAILED = 125, STATUS_NOT_FOUND = 127 };

#endif
