"""Functions are found by kernel layout, and file-level data is none."""

from backport.csource.functions import enclosing, functions

SOURCE = b"""\
struct s
{
\tint a;
};

static const struct ops o = {
\t.f = f,
};

static __always_inline int
first(struct s *s,
      int b)
{
\tif (b) {
\t\treturn 1;
\t}
out:
\treturn 0;
}

SYSCALL_DEFINE3(read, unsigned int, fd, char *, buf, size_t, n)
{
\treturn 0;
}
"""


def test_functions() -> None:
    found = [(f.name, f.start, f.body, f.end) for f in functions(SOURCE)]
    assert found == [("first", 10, 13, 19), ("read", 21, 22, 24)]


def test_enclosing() -> None:
    inside = enclosing(SOURCE, 15)
    assert inside is not None
    assert inside.name == "first"
    assert enclosing(SOURCE, 3) is None
    assert enclosing(SOURCE, 20) is None
