/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The n-th thing that a command writes below some directories fails: preloaded into Python, git and SQLite alike.
 *
 * FAULT_STATE is a file of 4096 bytes, struct state, shared by all processes: which one fails with what, how often
 * something was written, and what failed. FAULT_ROOTS are the directories, separated by colons. FAULT_TRACE, where it
 * is there, gets a line for each write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
	long at;	/* which one fails; 0: none, they are only counted */
	long number;	/* the errno; negative: the whole process group is killed, before (-1) or in the middle of it (-2) */
	long sticky;	/* 1: and each one after it (a full disk stays full) */
	long count;
	long failed;
	char what[4056];
};

static struct state *state;
static const char *roots;

__attribute__((constructor)) static void begin(void)
{
	const char *file = getenv("FAULT_STATE");
	int fd;

	if (!file)
		return;
	roots = getenv("FAULT_ROOTS");
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (state == MAP_FAILED)
		state = NULL;
}

static int below(const char *path)
{
	const char *root = roots;

	while (root && *root) {
		size_t length = strcspn(root, ":");

		if (length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]))
			return 1;
		root += length + (root[length] == ':');
	}
	return 0;
}

static ssize_t (*half)(int, const void *, size_t);
static __thread struct { int fd; const void *data; size_t size; } writing;

static void trace(long n, const char *call, const char *path)
{
	char line[2 * PATH_MAX + 64];
	const char *file = getenv("FAULT_TRACE");
	int before = errno, length, fd;

	fd = file ? syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	if (fd >= 0) {
		length = snprintf(line, sizeof(line), "%ld %s %s\n", n, call, path);
		syscall(SYS_write, fd, line, length);
		close(fd);
	}
	errno = before;
}

static int fails(const char *call, const char *path)
{
	long n;

	if (!state || !below(path))
		return 0;
	n = __sync_add_and_fetch(&state->count, 1);
	if (!state->at)
		trace(n, call, path);
	if (!state->at || n < state->at || (n > state->at && !state->sticky))
		return 0;
	if (__sync_add_and_fetch(&state->failed, 1) == 1)
		snprintf(state->what, sizeof(state->what), "%s %s", call, path);
	if (state->number == -2 && writing.data)
		half(writing.fd, writing.data, writing.size / 2);
	if (state->number < 0) {
		if (!strncmp(program_invocation_short_name, "git", 3))
			kill(getppid(), SIGKILL);
		kill(0, SIGKILL);
	}
	errno = state->number;
	return 1;
}

static int handle_fails(const char *call, int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t length;
	int before = errno;

	if (!state)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	errno = before;
	if (length <= 0)
		return 0;
	path[length] = 0;
	return fails(call, path);
}

static int name_fails(const char *call, int dir, const char *name)
{
	char link[64], path[2 * PATH_MAX];
	ssize_t length = 0;
	int before = errno;

	if (!state || !name)
		return 0;
	if (*name != '/') {
		if (dir == AT_FDCWD)
			strcpy(link, "/proc/self/cwd");
		else
			snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		length = readlink(link, path, PATH_MAX);
		if (length < 0)
			length = 0;
		path[length++] = '/';
	}
	snprintf(path + length, sizeof(path) - length, "%s", name);
	errno = before;
	return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRITES(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))
#define MODE(flags) \
	mode_t mode = 0; \
	if ((flags) & (O_CREAT | __O_TMPFILE)) { \
		va_list more; \
		va_start(more, flags); \
		mode = va_arg(more, mode_t); \
		va_end(more); \
	}

#define OPEN(name) \
int name(const char *path, int flags, ...) \
{ \
	MODE(flags) \
	if (WRITES(flags) && name_fails("open", AT_FDCWD, path)) \
		return -1; \
	return REAL(name)(path, flags, mode); \
}
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
int name(int dir, const char *path, int flags, ...) \
{ \
	MODE(flags) \
	if (WRITES(flags) && name_fails("open", dir, path)) \
		return -1; \
	return REAL(name)(dir, path, flags, mode); \
}
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
FILE *name(const char *path, const char *how) \
{ \
	if (strpbrk(how, "wa+") && name_fails("open", AT_FDCWD, path)) \
		return NULL; \
	return REAL(name)(path, how); \
}
FOPEN(fopen)
FOPEN(fopen64)

#define ON_HANDLE(type, name, parameters, arguments) \
type name parameters \
{ \
	if (handle_fails(#name, fd)) \
		return -1; \
	return REAL(name) arguments; \
}

ssize_t write(int fd, const void *data, size_t size)
{
	int failed;

	half = REAL(write);
	writing.fd = fd;
	writing.data = data;
	writing.size = size;
	failed = handle_fails("write", fd);
	writing.data = NULL;
	return failed ? -1 : half(fd, data, size);
}

ON_HANDLE(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t where), (fd, data, size, where))
ON_HANDLE(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t where), (fd, data, size, where))
ON_HANDLE(ssize_t, writev, (int fd, const struct iovec *data, int count), (fd, data, count))
ON_HANDLE(ssize_t, sendfile, (int fd, int from, off_t *where, size_t size), (fd, from, where, size))
ON_HANDLE(ssize_t, sendfile64, (int fd, int from, off64_t *where, size_t size), (fd, from, where, size))
ON_HANDLE(int, fsync, (int fd), (fd))
ON_HANDLE(int, fdatasync, (int fd), (fd))
ON_HANDLE(int, ftruncate, (int fd, off_t size), (fd, size))
ON_HANDLE(int, ftruncate64, (int fd, off64_t size), (fd, size))

int mkdir(const char *path, mode_t mode)
{
	return name_fails("mkdir", AT_FDCWD, path) ? -1 : REAL(mkdir)(path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	return name_fails("mkdir", dir, path) ? -1 : REAL(mkdirat)(dir, path, mode);
}

int rename(const char *from, const char *to)
{
	return name_fails("rename to", AT_FDCWD, to) ? -1 : REAL(rename)(from, to);
}

int renameat(int dir, const char *from, int other, const char *to)
{
	return name_fails("rename to", other, to) ? -1 : REAL(renameat)(dir, from, other, to);
}

int link(const char *from, const char *to)
{
	return name_fails("link", AT_FDCWD, to) ? -1 : REAL(link)(from, to);
}

int symlink(const char *to, const char *path)
{
	return name_fails("symlink", AT_FDCWD, path) ? -1 : REAL(symlink)(to, path);
}
