"""Whether a place is inside a comment is told without a token for each word, and is what the tokens say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from backport.csource.tokens import Kind, in_comment, lex

PIECES = st.lists(st.sampled_from([b"/*", b"*/", b"//", b"\n", b"\\\n", b'"', b"'", b"\\", b"x", b" ", b" * y\n", b"#",
                                   b"L", b"/", b"*", b"1", b"\r\n"]), max_size=14).map(b"".join)


@settings(max_examples=1500, deadline=None)
@given(source=PIECES, offset=st.integers(0, 20))
def test_as_the_tokens_say(source: bytes, offset: int) -> None:
    inside = any(t.kind is Kind.COMMENT and t.start < offset < t.end for t in lex(source))
    assert in_comment(source, offset) == inside
