"""What a kernel under emulation can show at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from backport.subsystem import KVM

_WHY = {
    "vmx": "needs VMX, which QEMU's TCG does not emulate (a host with /dev/kvm and nesting can: --accel kvm)",
    "sev": "needs SEV, which is not emulated",
    "avic": "needs AVIC, which is not emulated",
    "pmu": "needs a performance monitoring unit, which is not emulated",
}
_CODE = (".c", ".h", ".S")


def feature(path: str) -> str:
    """The hardware feature that all the code of a file is about, "" where there is no such."""
    if not path.startswith(KVM.own):
        return ""
    inner = PurePosixPath(path).relative_to(KVM.own)
    name = inner.stem
    if "pmu" in name:                # pmu.c, svm/pmu.c, vmx/pmu_intel.c
        return "pmu"
    if inner.parts[0] == "vmx" or name in ("vmx", "pmu_intel"):
        return "vmx"
    return name if name in ("sev", "avic") else ""


def untestable(paths: Sequence[str], needs: Sequence[str] | None, accel: str) -> str:
    """Why a patch to `paths` cannot be shown here, "" where it may be tried.

    `needs` is what the reproducer declares; it wins over what the paths suggest, because its author knows. With
    the real device the host decides, and the reproducer skips where it finds nothing.
    """
    if accel == "kvm":
        return ""
    if needs is not None:
        return next((_WHY[need] for need in needs if need in _WHY), "")
    code = [path for path in paths if path.endswith(_CODE)
            and not path.startswith(("Documentation/", "tools/", "samples/"))]
    if not code:
        return "the patch changes no code that a kernel runs"
    features = {feature(path) for path in code}
    if "" in features:
        return ""
    return "every file of the patch " + _WHY[sorted(features)[0]]
