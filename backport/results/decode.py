"""From what JSON gives to frozen records, by their annotations.

A row may be older than a field, so nothing here fails: what is missing has the field's default, what is odd the empty
value of its type, and a word that an enumeration does not have (any more) the member that promises least.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from backport.boot.outcome import BootEnd
from backport.stable.nomination import Standing
from backport.verdict import Behaves, Build, Sure

_LEAST: dict[type[StrEnum], StrEnum] = {
    Behaves: Behaves.ERROR, Build: Build.ERROR, BootEnd: BootEnd.LOST, Standing: Standing.UNKNOWN, Sure: Sure.REVIEW}
_Reader = Callable[[object], Any]


def decode(kind: Any, value: object) -> Any:
    """`value` as a `kind`: a dataclass, StrEnum, str, int, float, bool, tuple[X, ...], tuple[X, Y], dict[str, X] or
    X | None. Raises TypeError for any other kind.
    """
    return _reader(kind)(value)


# made once for each kind: a matrix has thousands of cells, and asking every annotation again costs more than the JSON
@cache
def _reader(kind: Any) -> _Reader:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (only,) = (part for part in parts if part is not NoneType)
        return _optional(only)
    if origin is tuple:
        return _items(parts[0]) if parts[-1] is Ellipsis else _fixed(tuple(map(_reader, parts)))
    if origin is dict:
        read = _reader(parts[1])
        return lambda value: {_text(name): read(one) for name, one in value.items()} if isinstance(value, dict) else {}
    if is_dataclass(kind):
        return _record(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        members, least = {member.value: member for member in kind}, _LEAST[kind]
        return lambda value: members.get(value, least) if isinstance(value, str) else least
    if kind in _PLAIN:
        return _PLAIN[kind]
    raise TypeError(f"a record cannot hold {kind!r}")


def _optional(kind: Any) -> _Reader:
    read = _reader(kind)
    if kind is bool:
        return lambda value: value if isinstance(value, bool) else None
    if is_dataclass(kind):
        return lambda value: read(value) if isinstance(value, dict) else None
    return lambda value: None if value is None else read(value)


def _items(kind: Any) -> _Reader:
    read = _reader(kind)
    if is_dataclass(kind):
        return lambda value: tuple(read(one) for one in _list(value) if isinstance(one, dict))
    return lambda value: tuple(map(read, _list(value)))


def _fixed(readers: tuple[_Reader, ...]) -> _Reader:
    none = [None] * len(readers)
    return lambda value: tuple(read(one) for read, one in zip(readers, [*_list(value), *none], strict=False))


def _record(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    known = [(one.name, _reader(hints[one.name]), one.default is one.default_factory is MISSING)
             for one in fields(kind)]

    def read(value: object) -> Any:
        told: dict[str, Any] = value if isinstance(value, dict) else {}
        return kind(**{name: reader(told.get(name)) for name, reader, needed in known if needed or name in told})

    return read


def _list(value: object) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _real(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


_PLAIN: dict[type, _Reader] = {
    str: _text, int: _number, float: _real, bool: lambda value: value is True}
