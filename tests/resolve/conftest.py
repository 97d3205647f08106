"""The made-up clone of the tests of pick."""

from tests.pick.conftest import kernel

__all__ = ["kernel"]
