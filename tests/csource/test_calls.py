"""In which sense calls are made: behind a `!`, or not."""

from __future__ import annotations

import pytest

from backport.csource.calls import denied, senses, undenied


def test_what_stands_behind_a_denial() -> None:
    text = b"\tif (!ready(w) && ! asked(w) && w->x != other(w) && !w->on(w) && sure(w))\n"
    assert denied(text) == [b"ready", b"asked"]
    assert undenied(text) == b"\tif (ready(w) && asked(w) && w->x != other(w) && !w->on(w) && sure(w))\n"


@pytest.mark.parametrize(("text", "found"), [
    (b"static bool ready(struct w *w)\n{\n\tif (!ready(w->next))\n\t\treturn false;\n}\n", (1, 1)),
    (b"struct w *ready(int n);\nvoid run(void)\n{\n\treturn ready(3);\n}\n", (1, 0)),
    (b"\tif (already(w) || w->ready(w) || x != ready(w))\n", (1, 0)),
    (b"\tif (!ready (w) || ready(v))\n", (2, 1)),
])
def test_a_function_itself_is_no_call_of_it(text: bytes, found: tuple[int, int]) -> None:
    assert senses(text, b"ready") == found
