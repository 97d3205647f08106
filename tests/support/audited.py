"""A made-up driver on mainline and in a stable branch, and commits that went into the branch well or badly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from backport.audit.commits import commit_changes
from backport.audit.kinds.registry import findings
from backport.audit.model import Suspect
from backport.audit.pairing import Counts
from backport.git import Git
from tests.support.histories import Repo

C, H, TOOL = "drivers/demo/widget.c", "drivers/demo/widget.h", "drivers/demo/gadget.c"

WIDGET = """\
#include "widget.h"

static int widget_count;

static int widget_open(struct widget *w)
{
	int ret;

	mutex_lock(&w->lock);
	ret = widget_power(w, true);
	if (ret) {
		mutex_unlock(&w->lock);
		return ret;
	}
	w->users++;
	mutex_unlock(&w->lock);
	return 0;
}

static void widget_close(struct widget *w)
{
	mutex_lock(&w->lock);
	w->users--;
	widget_power(w, false);
	mutex_unlock(&w->lock);
}

static void widget_hint(struct widget *w)
{
#ifdef CONFIG_PM
	widget_pm_idle(w);
	w->hints++;
#else
	widget_spin(w);
	w->spins++;
#endif
}

static void widget_run(struct widget *w)
{
	if (w->fast) {
		widget_push(w);
		w->pushed++;
	} else {
		widget_pull(w);
		w->pulled++;
	}
}

static int widget_send(struct widget *w, const void *data, size_t size)
{
	int ret;

	if (size > WIDGET_MAX)
		return -EINVAL;
	ret = widget_write(w, data, size);
	if (ret < 0)
		goto out;
	w->sent += size;
out:
	widget_idle(w);
	return ret;
}

static int widget_recv(struct widget *w, void *data, size_t size)
{
	int ret;

	if (size > WIDGET_MAX)
		return -EMSGSIZE;
	ret = widget_read(w, data, size);
	if (ret < 0)
		return ret;
	w->received += size;
	return ret;
}

static const struct widget_ops widget_ops = {
	.open = widget_open,
	.close = widget_close,
	.send = widget_send,
};

static const struct widget_ops widget_quiet_ops = {
	.open = widget_open,
	.recv = widget_recv,
};
"""

HEADER = """\
#define WIDGET_MAX 64
#define WIDGET_MIN 4

struct widget {
	struct mutex lock;
	int id;
	int users;
	struct {
		size_t sent;
		size_t queued;
	} out;
	struct {
		size_t received;
		size_t dropped;
	} in;
};

int widget_power(struct widget *w, bool on);
"""

GADGET = """\
static int gadget_start(struct gadget *g)
{
	g->state = GADGET_ON;
	gadget_kick(g);
	return 0;
}

static int gadget_stop(struct gadget *g)
{
	g->state = GADGET_OFF;
	gadget_flush(g);
	return 0;
}
"""

Edits = tuple[tuple[str, str, str], ...]         # path, text, its replacement


@dataclass(frozen=True)
class Case:
    """`upstream` on mainline, `here` in the branch; `kind` is the class that is found, "" for none. `before` is what
    makes the branch differ, `message` what its changelog says."""

    name: str
    upstream: Edits
    here: Edits
    kind: str = ""
    before: Edits = ()
    note: str = ""
    after: Callable[[Repo, str], None] | None = field(default=None, compare=False)


def audit(case: Case, path: Path) -> tuple[list[Suspect], Counts]:
    """The findings in the branch's commits since its start, and what was counted."""
    repo = Repo(path)
    repo.files["main"] = {"Makefile": "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 7\n", C: WIDGET, H: HEADER, TOOL: GADGET}
    repo.commit("main", "start")
    repo.empty("main", "more")
    repo.branch("linux-6.1.y", "main")
    for one in case.before:
        repo.edit("linux-6.1.y", *one, "branch: as it was")
    start = repo.empty("linux-6.1.y", "Linux 6.1.7")
    fix = together(repo, "main", case.upstream, "widget: fix it\n\nIt was wrong.\n")
    note = f"\n[ {case.note} ]\n" if case.note else ""
    together(repo, "linux-6.1.y", case.here, f"widget: fix it\n\n[ Upstream commit {fix} ]\n\nIt was wrong.\n{note}")
    if case.after is not None:
        case.after(repo, fix)
    counts = Counts()
    with Git(path) as git:
        changes = commit_changes(git, f"{start}..linux-6.1.y", counts, lambda _what, _at, _of: None)
        return list(findings(changes)), counts


def together(repo: Repo, branch: str, edits: Edits, message: str) -> str:
    """Make all of the edits in one commit; each text is there once."""
    for path, old, new in edits:
        text = repo.files[branch][path]
        assert text.count(old) == 1, (branch, path, old)
        repo.files[branch][path] = text.replace(old, new)
    return repo.commit(branch, message)


def planted(name: str) -> Case:
    """The planted fault of that name."""
    from tests.audit.test_planted import PLANTED

    return next(case for case in PLANTED if case.name == name)


def releases(path: Path, trees: dict[str, dict[str, str]]) -> Git:
    """A store with refs/releases/X.Y.Z, one for each of `trees`."""
    repo = Repo(path)
    for version, files in trees.items():
        repo.files[version] = files
        sha = repo.commit(version, version)
        repo.git.run("update-ref", f"refs/releases/{version}", sha)
    return repo.git
