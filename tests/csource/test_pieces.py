"""What a line is without its white space, comments and literals."""

from hypothesis import given
from hypothesis import strategies as st

from backport.csource.pieces import squeeze, squeezed_lines
from backport.patch.parse import split_lines


@given(st.text("ab{} \t\n\r\v\f\0", max_size=40).map(str.encode))
def test_a_file_squeezed_is_its_lines_squeezed(source):
    assert squeezed_lines(source) == list(map(squeeze, split_lines(source)))
