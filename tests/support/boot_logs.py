"""Serial logs as a kernel and a reproducer write them, for tests."""

from __future__ import annotations

from collections.abc import Sequence

BOOT = (
    "[    0.000000] Linux version 6.1.0-made-up (nobody@nowhere)",
    "[    0.466182] kvm: Nested Virtualization enabled",
    "[    0.677007] Run /init as init process",
)
END = ("[    0.874300] kvm: exiting hardware virtualization", "[    0.874960] reboot: machine restart")
PANIC = (
    "[    0.764039] kernel BUG at virt/kvm/eventfd.c:728!",
    "[    0.771053] Kernel panic - not syncing: Fatal exception",
)
WARNING = "[    0.640625] WARNING: CPU: 0 PID: 14 at arch/x86/kvm/svm/nested.c:940 0xffffffff81068679"


def tap(results: Sequence[tuple[bool, str]]) -> list[str]:
    """The lines of a reproducer that came to its end; (holds, name) each."""
    passed = sum(ok for ok, _name in results)
    return ["TAP version 13",
            *(f"{'' if ok else 'not '}ok {number} - {name}" for number, (ok, name) in enumerate(results, 1)),
            f"1..{len(results)}",
            f"# Totals: pass:{passed} fail:{len(results) - passed} xfail:0 xpass:0 skip:0 error:0"]


def log(*parts: Sequence[str]) -> bytes:
    """A serial log: lines with the console's line ends."""
    return "".join(line + "\r\n" for part in parts for line in part).encode()


def answered(*results: tuple[bool, str], more: Sequence[str] = ()) -> bytes:
    return log(BOOT, more, tap(results), END)


BUG = answered((True, "control: nothing injected"), (False, "#DB is EBUSY"))
FINE = answered((True, "control: nothing injected"), (True, "#DB is EBUSY"))
OVERDONE = answered((False, "control: nothing injected"), (True, "#DB is EBUSY"))
CRASH = log(BOOT, ["TAP version 13", "ok 1 - control: the eventfd is there"], PANIC)
NO_BOOT = log(BOOT[:2], PANIC[1:])
HALF = log(BOOT, ["TAP version 13", "ok 1 - control: nothing injected"])
SKIP = log(BOOT, ["TAP version 13", "1..0 # SKIP KVM does not offer SVM to its guests here"], END)
BAIL = log(BOOT, ["TAP version 13", "Bail out! KVM_CREATE_VM: No such device"], END)
