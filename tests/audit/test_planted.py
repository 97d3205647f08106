"""Planted faults of every class are found, each as what it is; honest deviations are not called wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.audited import TOOL, C, Case, H, audit
from tests.support.histories import Repo

CHECK = "\tif (!w->id)\n\t\treturn -ENODEV;\n"
SEND = "\tret = widget_write(w, data, size);\n"
RECV = "\tret = widget_read(w, data, size);\n"
SENT = ((C, SEND, "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n" + SEND),)
THREE = "\tw->tries = widget_tries(w);\n\tw->users = size;\n\tw->length = size;\n"
DECLARED = "\tsize_t left = size;\n"
HELPER = ((H, "int widget_power(", "bool widget_alive(struct widget *w);\nint widget_power("),)


def _later(repo: Repo, fix: str) -> None:
    repo.empty("main", f"widget: fix the fix\n\nFixes: {fix[:12]} (\"widget: fix it\")\n")


def _newer(repo: Repo, fix: str) -> None:
    first = repo.git.run("rev-list", "--max-parents=0", "main").text
    repo.git.run("update-ref", "refs/heads/linux-6.6.y", first)
    repo.files["linux-6.6.y"] = {"Makefile": "VERSION = 6\nPATCHLEVEL = 6\nSUBLEVEL = 1\n"}
    repo.empty("linux-6.6.y", "Linux 6.6.1")


COUNTED = ((C, "\tw->received += size;\n",
            "#ifdef CONFIG_WIDGET_COUNT\n\tw->received += size;\n#endif\n\tw->seen = true;\n"),)

PLANTED = (
    Case("in the function below", SENT,
         ((C, RECV, "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n" + RECV),), "another-function"),
    Case("in the other table", ((C, "\t.send = widget_send,\n", "\t.send = widget_send,\n\t.flush = widget_flush,\n"),),
         ((C, "\t.recv = widget_recv,\n", "\t.recv = widget_recv,\n\t.flush = widget_flush,\n"),), "another-function"),
    Case("in the other half", ((C, "\twidget_pm_idle(w);\n", "\twidget_pm_idle(w);\n\twidget_log_event(w);\n"),),
         ((C, "\twidget_spin(w);\n", "\twidget_spin(w);\n\twidget_log_event(w);\n"),), "another-if"),
    Case("in the other struct", ((H, "\t\tsize_t queued;\n", "\t\tsize_t queued;\n\t\tsize_t failed_writes;\n"),),
         ((H, "\t\tsize_t dropped;\n", "\t\tsize_t dropped;\n\t\tsize_t failed_writes;\n"),), "another-struct",
         before=()),
    Case("a file left out", ((C, "\tw->users++;\n", "\tw->users++;\n\tw->opened = true;\n"),
                             (TOOL, "\tgadget_kick(g);\n", "\tif (g->state == GADGET_ON)\n\t\tgadget_kick(g);\n")),
         ((C, "\tw->users++;\n", "\tw->users++;\n\tw->opened = true;\n"),), "left-out-file"),
    Case("a hunk left out", ((C, "\tw->sent += size;\n", "\tw->sent += ret;\n"),
                             (C, "\tw->received += size;\n", "\tw->received += ret;\n")),
         ((C, "\tw->sent += size;\n", "\tw->sent += ret;\n"),), "left-out"),
    Case("the old line kept", ((C, "\tw->received += size;\n", "\tatomic_add(size, &w->received);\n"),),
         ((C, "\tw->received += size;\n", "\tw->received += size;\n\tatomic_add(size, &w->received);\n"),), "leftover"),
    Case("twice", ((C, SEND, "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n" + SEND),),
         ((C, SEND, "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n" + SEND),), "twice",
         before=((C, SEND, "\tw->tries = widget_tries(w);\n\tw->stamp = ktime_get();\n" + SEND),)),
    Case("elsewhere in the function", ((C, SEND, "\tw->tries = widget_tries(w);\n" + SEND),),
         ((C, "out:\n\twidget_idle(w);\n", "out:\n\tw->tries = widget_tries(w);\n\twidget_idle(w);\n"),),
         "another-place"),
    Case("a line of the middle left out", ((C, SEND, THREE + SEND),),
         ((C, SEND, THREE.replace("\tw->users = size;\n", "") + SEND),), "left-out"),
    Case("a condition turned round", ((C, SEND, CHECK + SEND),),
         ((C, SEND, CHECK.replace("!w->id", "w->id") + SEND),), "turned-round"),
    Case("a lock without its unlock",
         ((C, "\tw->received += size;\n\treturn ret;\n",
           "\tmutex_lock(&w->lock);\n\tw->received += size;\n\tmutex_unlock(&w->lock);\n\treturn ret;\n"),),
         ((C, "\tw->received += size;\n\treturn ret;\n",
           "\tmutex_lock(&w->lock);\n\tw->received += size;\n\treturn ret;\n"),), "lost-half"),
    Case("a jump to no label", ((C, "\tif (size > WIDGET_MAX)\n\t\treturn -EMSGSIZE;\n" + RECV +
                                 "\tif (ret < 0)\n\t\treturn ret;\n\tw->received += size;\n\treturn ret;\n",
                                 "\tif (size > WIDGET_MAX)\n\t\treturn -EMSGSIZE;\n" + RECV +
                                 "\tif (ret < 0)\n\t\tgoto unwind;\n\tw->received += size;\nunwind:\n"
                                 "\treturn ret;\n"),),
         ((C, RECV + "\tif (ret < 0)\n\t\treturn ret;\n", RECV + "\tif (ret < 0)\n\t\tgoto unwind;\n"),), "lost-half"),
    Case("under the opposite condition",
         ((C, "\t\twidget_push(w);\n", "\t\twidget_push(w);\n\t\twidget_log_event(w);\n"),),
         ((C, "\t\twidget_pull(w);\n", "\t\twidget_pull(w);\n\t\twidget_log_event(w);\n"),), "lost-half"),
    Case("a helper that is not there", (*HELPER, (C, SEND, "\tif (!widget_alive(w))\n\t\treturn -ENODEV;\n" + SEND)),
         ((C, SEND, "\tif (!widget_alive(w))\n\t\treturn -ENODEV;\n" + SEND),), "missing-name"),
    Case("a fix of the fix", SENT, SENT, "follow-up", after=_later),
    Case("not in a newer branch", SENT, SENT, "newer-lacks", after=_newer),
    Case("other code without a word", ((C, "\tw->users--;\n", "\tw->users -= 1;\n\twidget_idle(w);\n"),),
         ((C, "\tw->users--;\n", "\tw->users -= 1;\n\twidget_sleep(w);\n"),), "unsaid"),
)

HONEST = (
    Case("declarations in another order", ((C, "(struct widget *w)\n{\n\tint ret;\n\n\tmutex_lock(&w->lock);\n",
         "(struct widget *w)\n{\n\tint ret;\n" + DECLARED + "\n\tmutex_lock(&w->lock);\n"),),
         ((C, "(struct widget *w)\n{\n\tint ret;\n\n\tmutex_lock(&w->lock);\n",
           "(struct widget *w)\n{\n" + DECLARED + "\tint ret;\n\n\tmutex_lock(&w->lock);\n"),)),
    Case("as upstream", SENT, SENT),
    Case("the function has another name", SENT, SENT,
         before=((C, "static int widget_send(", "static int widget_xmit("),)),
    Case("the file left out is not here", ((C, "\tw->users++;\n", "\tw->users++;\n\tw->opened = true;\n"),
                                           (TOOL, "\tgadget_kick(g);\n", "\tgadget_kick(g, 1);\n")),
         ((C, "\tw->users++;\n", "\tw->users++;\n\tw->opened = true;\n"),),
         before=((TOOL, "static int gadget_start(struct gadget *g)\n{\n\tg->state = GADGET_ON;\n\tgadget_kick(g);\n"
                        "\treturn 0;\n}\n\n", ""),)),
    Case("the part left out has no subject here", ((C, "\tw->sent += size;\n", "\tw->sent += ret;\n"),
                                                   (C, "\tw->received += size;\n", "\tw->received += ret;\n")),
         ((C, "\tw->sent += size;\n", "\tw->sent += ret;\n"),),
         before=((C, "\tw->received += size;\n", ""),)),
    Case("other code, and said so", ((C, "\tw->users--;\n", "\tw->users -= 1;\n\twidget_idle(w);\n"),),
         ((C, "\tw->users--;\n", "\tw->users -= 1;\n\twidget_sleep(w);\n"),), note="widget_sleep() here"),
    Case("the function is split upstream", ((C, SEND, CHECK + SEND),), ((C, SEND, CHECK + SEND),),
         before=((C, "\tw->sent += size;\nout:\n", "\tw->sent += size;\n\tw->last = size;\nout:\n"),)),
    Case("the same lines at two places", ((C, SEND, CHECK + SEND), (C, RECV, CHECK + RECV)),
         ((C, SEND, CHECK + SEND), (C, RECV, CHECK + RECV))),
    Case("one of two places is not here", ((C, SEND, CHECK + SEND), (C, RECV, CHECK + RECV)),
         ((C, RECV, CHECK + RECV),), before=((C, SEND, "\tret = old_write(w, data, size);\n"),)),
    Case("the helper came with it", (*HELPER, (C, SEND, "\tif (!widget_alive(w))\n\t\treturn -ENODEV;\n" + SEND)),
         (*HELPER, (C, SEND, "\tif (!widget_alive(w))\n\t\treturn -ENODEV;\n" + SEND))),
    Case("a name that the function only returned upstream",
         ((C, "\t\treturn -EMSGSIZE;\n", "\t\treturn widget_ok;\n"),
          (C, "\tw->received += size;\n", "\tw->received += size;\n\tret = widget_ok;\n")),
         ((C, "\tw->received += size;\n", "\tw->received += size;\n\tret = widget_ok;\n"),),
         before=((C, "\t\treturn -EMSGSIZE;\n", "\t\treturn -E2BIG;\n"),
                 (H, "int widget_power(", "extern int widget_ok;\nint widget_power("))),
    Case("a line that is broken before the operator",
         ((C, SEND, "\tif (w->id &&\n\t    w->users)\n\t\treturn -EBUSY;\n" + SEND),),
         ((C, SEND, "\tif (w->id\n\t    && w->users)\n\t\treturn -EBUSY;\n" + SEND),), note="style"),
    Case("an option in a new #ifdef", COUNTED, COUNTED,
         before=((H, "int widget_power(", "/* CONFIG_WIDGET_COUNT */\nint widget_power("),)),
    Case("behind the declarations",
         ((C, "static int widget_recv(struct widget *w, void *data, size_t size)\n{\n",
           "static int widget_recv(struct widget *w, void *data, size_t size)\n{\n\twidget_settle(w->id);\n\n"),),
         ((C, "{\n\tint ret;\n\n\tif (size > WIDGET_MAX)\n\t\treturn -EMSGSIZE;\n",
           "{\n\tint ret;\n\n\twidget_settle(w->id);\n\n\tif (size > WIDGET_MAX)\n\t\treturn -EMSGSIZE;\n"),),
         before=((H, "int widget_power(", "void widget_settle(int id);\nint widget_power("),)),
    Case("a helper that returns the opposite here",
         ((C, SEND, "\tif (widget_prepare(w, size))\n\t\treturn -EINVAL;\n" + SEND),),
         ((C, SEND, "\tif (!widget_prepare(w, size))\n\t\treturn -EINVAL;\n" + SEND),),
         before=((H, "int widget_power(", "bool widget_prepare(struct widget *w, size_t size);\nint widget_power("),),
         note="widget_prepare() returns true for success here"),
    Case("the unlock is further away here",
         ((C, SEND, "\tmutex_lock(&w->lock);\n" + SEND),
          (C, "out:\n\twidget_idle(w);\n", "out:\n\twidget_idle(w);\n\tmutex_unlock(&w->lock);\n")),
         ((C, SEND, "\tmutex_lock(&w->lock);\n" + SEND),
          (C, "out:\n\twidget_idle(w);\n", "out:\n\twidget_idle(w);\n\tmutex_unlock(&w->lock);\n")),
         before=((C, "\tw->sent += size;\n", "\tw->sent += size;\n" + "".join(
             f"\tw->count[{n}] += size;\n" for n in range(9))),)),
    Case("the lock has another name", ((C, "\tw->received += size;\n\treturn ret;\n",
          "\tmutex_lock(&w->lock);\n\tw->received += size;\n\tmutex_unlock(&w->lock);\n\treturn ret;\n"),),
         ((C, "\tw->received += size;\n\treturn ret;\n",
           "\tspin_lock(&w->slock);\n\tw->received += size;\n\tspin_unlock(&w->slock);\n\treturn ret;\n"),),
         note="the lock is a spinlock here"),
)


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case.name)
def test_a_planted_fault_is_found_as_what_it_is(case: Case, tmp_path: Path) -> None:
    found, _counts = audit(case, tmp_path / "clone")
    assert case.kind in {one.kind.id for one in found}, [one.text for one in found]


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.name)
def test_an_honest_deviation_is_not_called_wrong(case: Case, tmp_path: Path) -> None:
    found, counts = audit(case, tmp_path / "clone")
    assert found == [], [one.text for one in found]
    assert counts.changes == 1
