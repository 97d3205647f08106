"""range-diff shows what an adaptation changed, and nothing else."""

from __future__ import annotations

from backport.patch.compose import adapted_mail
from backport.patch.model import Line
from backport.patch.parse import parse
from backport.patch.rangediff import range_diff

MAIL = b"""\
From: A U Thor <author@example.org>
Subject: [PATCH] x: y

Why.

Signed-off-by: A U Thor <author@example.org>
---

diff --git a/f.c b/f.c
--- a/f.c
+++ b/f.c
@@ -12529,5 +12529,5 @@ int f(struct x *x)
 \ta();
 \tb();
-\tif (pending(x))
+\tif (pending(x) || x->injected)
 \t\tgoto out;
 \tc();
@@ -13000,3 +13000,4 @@ int g(void)
 \ta();
 \tb();
+\td();
 \tc();
diff --git a/old.c b/new.c
similarity index 90%
rename from old.c
rename to new.c
diff --git a/created.c b/created.c
new file mode 100644
--- /dev/null
+++ b/created.c
@@ -0,0 +1 @@
+int x;
"""


def test_the_changed_line_and_the_note_are_shown() -> None:
    source = parse(MAIL)
    hunk = source.files[0].hunks[0]
    lines = tuple(Line(line.kind, line.text.replace(b"pending(x)", b"x->pending")) for line in hunk.lines)
    changed = hunk.with_lines(lines, old_start=900, new_start=900)
    files = (source.files[0].with_hunks((changed, source.files[0].hunks[1])), *source.files[1:])
    shown = range_diff(source, parse(adapted_mail(source, files, series="5.10", notes=("raw field",))))
    assert "x: y" in shown
    assert "    -+\tif (pending(x) || x->injected)" in shown
    assert "    ++\tif (x->pending || x->injected)" in shown
    assert "+    [ raw field ]" in shown
    assert "d();" not in shown
    assert "int f(struct x *x)" in shown


def test_the_same_patch_at_other_lines_is_the_same() -> None:
    source = parse(MAIL)
    moved = source.with_files(tuple(
        file.with_hunks(tuple(hunk.with_lines(hunk.lines, old_start=hunk.old_start + 5 * bool(hunk.old_start))
                              for hunk in file.hunks)) for file in source.files))
    assert " = 1:" in range_diff(source, moved)
