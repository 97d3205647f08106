"""Words of a text are where they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backport.csource import pieces
from backport.rules.anchor import words

TEXT = st.lists(st.sampled_from([b"a", b"bc", b"->", b"-", b" ", b"\t", b"\n", b"=", b"==", b"\x80", b"("]),
                max_size=12).map(b"".join)


@given(TEXT)
def test_offsets_are_those_of_the_words(source: bytes) -> None:
    found = words(source)
    texts, gaps = pieces.words(source)
    assert found.texts == tuple(texts)
    assert len(gaps) == len(texts) + 1
    assert tuple(source[at:end] for at, end in zip(found.starts, found.ends, strict=True)) == found.texts
    between = [0, *found.ends], [*found.starts, len(source)]
    assert [end - at for at, end in zip(*between, strict=True)] == gaps
    assert not b"".join(source[at:end] for at, end in zip(*between, strict=True)).strip()
    assert [found.joined[at:at + 1 + len(text)] for at, text in zip(found.at, found.texts, strict=True)] \
        == [b"\0" + text for text in found.texts]
    assert len(found.joined) == 1 + sum(1 + len(text) for text in found.texts)
