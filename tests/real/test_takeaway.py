"""Queues and mails of the bundled fix, taken by quilt, git quiltimport and git am on the real trees."""

from __future__ import annotations

import os
import quopri
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backport.git import Git
from backport.patch.parse import parse
from backport.queue.failed import failed_mail
from backport.trees.store import Head, Store, default_cache
from tests.real.test_main_job import ROOT, SLUG

pytestmark = pytest.mark.kernel
PATHS = ["arch/x86/kvm", "Makefile"]


def head(tree: str) -> Head:
    found = Store(Path(os.environ.get("BACKPORT_CACHE") or default_cache())).head(tree)
    if found is None:
        pytest.skip(f"{tree} is not in the store; `backport trees fetch {tree}` gets it")
    return found


def store() -> Store:
    return Store(Path(os.environ.get("BACKPORT_CACHE") or default_cache()))


def backport(*args: str, home: Path) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text("[user]\n\tname = Sub Mitter\n\temail = sub@example.org\n")
    env = {**os.environ, "HOME": str(home), "BACKPORT_STATE": str(home / "state"), "XDG_CONFIG_HOME": str(home),
           "BACKPORT_CACHE": str(store().cache)}
    return subprocess.run([sys.executable, "-m", "backport", *args], cwd=ROOT, env=env, capture_output=True, text=True,
                          check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one run of the bundled fix in it, not built."""
    path = tmp_path_factory.mktemp("home")
    for tree in ("linux-5.10.y", "linux-6.1.y"):
        head(tree)
    done = backport("run", f"patches/{SLUG}.patch", "--no-build", "--offline", "--tree", "5.10", "--tree", "6.1",
                    home=path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("series", ["5.10", "6.1"])
def test_the_queue_is_taken_by_quilt_without_fuzz_and_by_quiltimport(series: str, home: Path, tmp_path: Path) -> None:
    if shutil.which("quilt") is None:
        pytest.skip("quilt is not installed (apt-get install quilt)")
    at = head(f"linux-{series}.y")
    done = backport("queue", "export", "--to", str(tmp_path), "--tree", series, home=home)
    assert done.returncode == 0, done.stderr
    assert "not acked: candidate" in done.stdout
    assert "DRAFT" in done.stdout
    queue = tmp_path / f"queue-{series}"
    assert (queue / "series").read_text() == f"{SLUG}.patch\n"
    work = tmp_path / "work"
    work.mkdir()
    with Git(store().path) as git:
        archive = git.run("archive", "--format=tar", at.commit, "--", *PATHS).out
    subprocess.run(["tar", "-x", "-C", str(work)], input=archive, check=True)
    env = {**os.environ, "QUILT_PATCHES": str(queue), "LC_ALL": "C"}
    pushed = subprocess.run(["quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0"], cwd=work, env=env,
                            capture_output=True, text=True, check=False)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert "fuzz" not in pushed.stdout
    assert "offset" not in pushed.stdout
    assert b"exception.injected" in (work / "arch/x86/kvm/x86.c").read_bytes()
    clone = small_clone(tmp_path / "clone", at)
    clone.run("quiltimport", "--patches", str(queue))
    assert clone.run("log", "-1", "--format=%s").text == (
        "KVM: x86: Check for injected exceptions before queuing a debug exception")
    tested = backport("queue", "test", str(queue), "--no-build", home=home)
    assert tested.returncode == 0, tested.stderr
    assert f"exact    {SLUG}.patch" in tested.stdout
    again = backport("queue", "export", "--to", str(tmp_path), "--tree", series, home=home)
    assert "in the queue" in again.stdout
    assert (queue / "series").read_text() == f"{SLUG}.patch\n"


SHA = "e907b4e72488f1df878e7e8acf88d23e49cb3ca7"
FORM = """\
Subject: FAILED: patch "[PATCH] KVM: x86: Check for injected exceptions before queuing a" failed to apply to 5.10-stable tree
To: author@example.org,stable@vger.kernel.org
Cc: <stable@vger.kernel.org>
From: <stable@example.org>
Date: Tue, 20 Jan 2026 14:09:15 +0100
Message-ID: <made-up-id@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable


The patch below does not apply to the 5.10-stable tree.
If someone wants it applied there, or to any other stable or longterm
tree, then please email the backport, including the original git commit
id to <stable@vger.kernel.org>.

To reproduce the conflict and resubmit, you may use the following commands:

git fetch https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/ linux-5.10.y
git checkout FETCH_HEAD
git cherry-pick -x SHA
# <resolve conflicts, build, test, etc.>
git commit -s
git send-email --to '<stable@vger.kernel.org>' --in-reply-to 'made-up-id@example.org' --subject-prefix 'PATCH 5.10.y' HEAD^..

Possible dependencies:



thanks,

greg k-h

------------------ original commit in Linus's tree ------------------

From SHA Mon Sep 17 00:00:00 2001
From: =?UTF-8?q?A=20M=C3=A4de=20Up=20Author?= <author@example.org>
Date: Fri, 27 Feb 2026 01:13:06 +0000
Subject: [PATCH] KVM: x86: Check for injected exceptions before queuing a
 debug exception

The message, made up here, by Mäde.

Cc: stable@vger.kernel.org
Signed-off-by: A Made Up Author <author@example.org>

"""  # noqa: E501


def in_the_form_of_the_list(diff: bytes) -> bytes:
    """A notice as it arrives: no `---`, the subject folded, quoted-printable, a list's footer below."""
    head, body = FORM.replace("SHA", SHA).encode().split(b"\n\n", 1)
    footer = b"\n\n_______________________________________________\nA mailing list\n"
    return head + b"\n\n" + quopri.encodestring(body + diff + footer)


@pytest.mark.parametrize("form", ["ours", "list"])
def test_a_failed_notice_goes_in_and_a_signed_submission_that_git_am_takes_comes_out(form: str,
                                                                                     tmp_path: Path) -> None:
    at = head("linux-5.10.y")
    fix = parse((ROOT / "patches" / f"{SLUG}.patch").read_bytes())
    notice = tmp_path / "FAILED.eml"
    notice.write_bytes(b"From: Stable <stable@example.org>\n" + failed_mail(fix, "5.10") if form == "ours"
                       else in_the_form_of_the_list(fix.diff))
    out = tmp_path / "outgoing"
    done = backport("mail", str(notice), "--to", str(out), "--signoff", "--no-build", "--offline", home=tmp_path / "h")
    assert done.returncode == 0, done.stdout + done.stderr
    (mail,) = out.glob("5.10-*.mbox")
    assert "--in-reply-to=<" in done.stdout
    assert ("@backport.invalid>" if form == "ours" else "--in-reply-to=<made-up-id@example.org>") in done.stdout
    clone = small_clone(tmp_path / "clone", at)
    clone.run("am", "--quiet", str(mail))
    message = clone.run("log", "-1", "--format=%B").text
    assert f"[ Upstream commit {SHA} ]" in message
    if form == "list":
        assert clone.run("log", "-1", "--format=%an").text == "A Mäde Up Author"
        assert "made up here, by Mäde." in message
        assert "mailing list" not in mail.read_text()
        assert re.search(r"newer supported trees must have it too: .*\(lacks it\)", done.stdout.split("submission")[1])
    assert message.rstrip().endswith("Signed-off-by: Sub Mitter <sub@example.org>")
    changed = [line for line in clone.run("show", "--format=").text.splitlines() if line[:2] in ("+\t", "-\t")]
    assert changed == ["-\t\tif (vcpu->arch.exception.pending)",
                       "+\t\tif (vcpu->arch.exception.pending || vcpu->arch.exception.injected)"]


def small_clone(path: Path, at: Head) -> Git:
    """A work tree with only KVM checked out, objects borrowed from the store."""
    path.mkdir()
    git = Git(path)
    git.run("init", "-q", ".")
    (path / ".git/objects/info/alternates").write_text(f"{store().path / 'objects'}\n")
    git.run("sparse-checkout", "set", "--no-cone", "/arch/x86/kvm/")
    git.run("checkout", "-q", "-b", "work", at.commit)
    return git
