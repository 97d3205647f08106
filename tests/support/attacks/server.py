"""Forks a `backport ARGS` for each line of its input, [args, cwd, stdout, stderr] as JSON; prints the exit codes."""

from __future__ import annotations

import importlib
import json
import os
import sys

from backport import cli


def _child(args: list[str], cwd: str, out: str, err: str) -> None:
    os.setsid()
    os.chdir(cwd)
    for number, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["backport", *args]
    cli.main()


def main() -> None:
    for name in cli.COMMANDS:
        importlib.import_module(cli._module(name))
    for name in ("context", "workflow", "targets", "compute", "pool", "nightly.night", "report.html", "queue.export"):
        importlib.import_module(f"backport.{name}")
    for line in sys.stdin:
        args, *rest = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                _child(args, *rest)
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
            except BaseException:
                sys.excepthook(*sys.exc_info())
                code = 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _pid, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
