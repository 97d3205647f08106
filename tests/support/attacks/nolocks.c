// SPDX-License-Identifier: GPL-2.0-only
// A file system without locks: flock() and the locks of fcntl() fail with the error number in NO_LOCKS.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>

static int refused(void)
{
	errno = atoi(getenv("NO_LOCKS"));
	return -1;
}

int flock(int handle, int what)
{
	return refused();
}

#define FCNTL(name) \
int name(int handle, int what, ...) \
{ \
	static int (*next)(int, int, ...); \
	va_list rest; \
	void *value; \
	va_start(rest, what); \
	value = va_arg(rest, void *); \
	va_end(rest); \
	if (what == F_SETLK || what == F_SETLKW || what == F_GETLK) \
		return refused(); \
	if (!next) \
		next = dlsym(RTLD_NEXT, #name); \
	return next(handle, what, value); \
}

FCNTL(fcntl)
FCNTL(fcntl64)
