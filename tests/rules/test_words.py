"""Words of a text are where they are."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from backport.rules.anchor import _WORD, words

TEXT = st.lists(st.sampled_from([b"a", b"bc", b"->", b"-", b" ", b"\t", b"\n", b"=", b"==", b"\x80", b"("]),
                max_size=12).map(b"".join)


@given(TEXT)
def test_offsets_are_those_of_the_words(source: bytes) -> None:
    found = words(source)
    matches = list(re.finditer(_WORD.pattern, source))
    assert found.texts == tuple(m[0] for m in matches)
    assert tuple(found.starts) == tuple(m.start() for m in matches)
    assert tuple(found.ends) == tuple(m.end() for m in matches)
    assert [found.joined[at:at + 1 + len(text)] for at, text in zip(found.at, found.texts, strict=True)] \
        == [b"\0" + text for text in found.texts]
    assert len(found.joined) == 1 + sum(1 + len(text) for text in found.texts)
