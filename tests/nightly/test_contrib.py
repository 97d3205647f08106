from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="not installed: systemd-analyze (apt-get install systemd)")
def test_the_units_are_clean(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "backport").mkdir()
    done = subprocess.run(
        [str(ANALYZE), "--user", "verify", *map(str, sorted((ROOT / "contrib").glob("backport-nightly.[st]*")))],
        env={**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")},
        capture_output=True, text=True, check=False)
    # it returns 0 for a key that it does not know, and only says so
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_cron_line_names_options_that_exist() -> None:
    from backport.commands.nightly import command
    known = {name for option in command.params for name in option.opts}
    for file in ("backport-nightly.cron", "backport-nightly.service"):
        words = (ROOT / "contrib" / file).read_text().split()
        used = {word for word in words if word.startswith("--") and word not in ("--user", "--now")}
        assert used <= known
        assert "--timeout" in used


def test_neither_needs_a_checkout() -> None:
    for file in ("backport-nightly.cron", "backport-nightly.service"):
        assert "scripts/" not in (ROOT / "contrib" / file).read_text()
