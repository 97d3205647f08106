"""`queue test --bisectable` with real builds: the queue of three in which the second breaks what the third mends.

The two below the bundled fix take back, in two halves, a change that the stable release really made (read from the
tree itself): the first half leaves a use without its declaration.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from backport.git import Git
from tests.real.test_main_job import ROOT, SLUG
from tests.real.test_takeaway import backport, head, store

pytestmark = pytest.mark.kernel


@dataclass(frozen=True)
class Half:
    path: str
    old: str
    new: str


HALVES = {
    "6.1": (Half("arch/x86/kvm/svm/sev.c",
                 "/* Protects kvm_sev_info's enc_context_owner, mirror_vms and mirror_entry.  */\n"
                 "static DEFINE_MUTEX(sev_mirror_lock);\n", ""),
            Half("arch/x86/kvm/svm/sev.c", "mutex_lock(&sev_mirror_lock)", "mutex_lock(&sev_bitmap_lock)"),
            Half("arch/x86/kvm/svm/sev.c", "mutex_unlock(&sev_mirror_lock)", "mutex_unlock(&sev_bitmap_lock)")),
    "5.10": (Half("arch/x86/kvm/vmx/vmx.c", "\t    nested_cpu_has(get_vmcs12(vcpu), CPU_BASED_TPR_SHADOW))\n",
                  "\t\tnested_cpu_has(vmcs12, CPU_BASED_TPR_SHADOW))\n"),
             Half("arch/x86/kvm/vmx/vmx.c", "\tint tpr_threshold;\n\n\tif (is_guest_mode(vcpu) &&\n",
                  "\tstruct vmcs12 *vmcs12 = get_vmcs12(vcpu);\n\tint tpr_threshold;\n\n"
                  "\tif (is_guest_mode(vcpu) &&\n")),
}


def diff(path: str, before: str, after: str, work: Path) -> bytes:
    for side, text in (("a", before), ("b", after)):
        (work / side / path).parent.mkdir(parents=True, exist_ok=True)
        (work / side / path).write_text(text)
    done = subprocess.run(["git", "diff", "--no-index", "--no-prefix", f"a/{path}", f"b/{path}"], cwd=work,
                          capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.fixture
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """queue-X.Y as `queue export` writes it, with the two halves appended as a maintainer would."""
    series: str = request.param
    if series != "5.10" and os.environ.get("BACKPORT_BISECTABLE") != "all":
        pytest.skip("one tree is enough for every run; BACKPORT_BISECTABLE=all tries 6.1 too (90 s)")
    at = head(f"linux-{series}.y")
    home = tmp_path / "home"
    done = backport("run", f"patches/{SLUG}.patch", "--no-build", "--offline", "--tree", series, home=home)
    assert done.returncode == 0, done.stderr
    assert backport("queue", "export", "--to", str(tmp_path), "--tree", series, home=home).returncode == 0
    directory = tmp_path / f"queue-{series}"
    first, *rest = HALVES[series]
    with Git(store().path) as git:
        data = git.blob(f"{at.commit}:{first.path}")
    assert data is not None
    before = data.decode()
    middle = before.replace(first.old, first.new)
    after = middle
    for half in rest:
        after = after.replace(half.old, half.new)
    if len({before, middle, after}) < 3:
        pytest.skip(f"{at.version} has other lines than 6.1.187 and 5.10.262 there")
    for name, old, new in (("breaks", before, middle), ("mends", middle, after)):
        body = diff(first.path, old, new, tmp_path)
        (directory / f"{name}.patch").write_bytes(
            f"From: A Person <a@example.org>\nSubject: [PATCH] kvm: {name}\n\nMade up.\n---\n\n".encode() + body)
    with (directory / "series").open("a") as file:
        file.write("breaks.patch\nmends.patch\n")
    return directory


@pytest.mark.parametrize("queue", ["6.1", "5.10"], indirect=True)
def test_bisectable_names_the_patch_that_breaks_the_build_and_the_end_alone_does_not(queue: Path,
                                                                                     tmp_path: Path) -> None:
    home = tmp_path / "home"
    whole = backport("queue", "test", str(queue), home=home)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert whole.stdout.splitlines()[-1].strip() == "exact    mends.patch, build pass"
    each = backport("queue", "test", str(queue), "--bisectable", home=home)
    assert each.returncode == 1, each.stdout + each.stderr
    lines = [line.strip() for line in each.stdout.splitlines()]
    assert f"exact    {SLUG}.patch, build pass" in lines
    assert "exact    breaks.patch, build fail <- this entry" in lines
    assert "exact    mends.patch, build pass" in lines
    assert str(ROOT) not in each.stdout
