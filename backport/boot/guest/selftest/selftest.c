// SPDX-License-Identifier: GPL-2.0-only
/* Runs one of the kernel's own selftests, /test, and turns its exit status into a verdict. */
#include "repro.h"

#include <sys/wait.h>

void reproduce(void)
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		execl("/test", "/test", NULL);
		_exit(126);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		bail("fork: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
		bail("the selftest cannot be executed");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 4)      /* KSFT_SKIP */
		skip("the selftest skips itself; its reason is in the log");
	if (WIFSIGNALED(status))
		expect(false, "the selftest was killed by signal %d", WTERMSIG(status));
	else
		expect(WEXITSTATUS(status) == 0, "the selftest exits with %d", WEXITSTATUS(status));
}
