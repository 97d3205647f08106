"""From what JSON gives to frozen records, by their annotations.

A row may be older than a field, so nothing here fails: what is missing has the field's default, what is odd the empty
value of its type, and a word that an enumeration does not have (any more) the member that promises least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from backport.boot.outcome import BootEnd
from backport.stable.nomination import Standing
from backport.verdict import Behaves, Build, Sure

_LEAST: dict[type[StrEnum], StrEnum] = {
    Behaves: Behaves.ERROR, Build: Build.ERROR, BootEnd: BootEnd.LOST, Standing: Standing.UNKNOWN, Sure: Sure.REVIEW}


def decode(kind: Any, value: object) -> Any:
    """`value` as a `kind`: a dataclass, StrEnum, str, int, float, bool, tuple[X, ...], tuple[X, Y], dict[str, X] or
    X | None. Raises TypeError for any other kind.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (only,) = (part for part in parts if part is not NoneType)
        odd = (is_dataclass(only) and not isinstance(value, Mapping)) or (only is bool and not isinstance(value, bool))
        return None if value is None or odd else decode(only, value)
    if origin is tuple:
        return _tuple(parts, list(value) if isinstance(value, list | tuple) else [])
    if origin is dict:
        return {_text(name): decode(parts[1], one) for name, one in value.items()} if isinstance(value, Mapping) else {}
    if is_dataclass(kind):
        return _record(kind, value if isinstance(value, Mapping) else {})
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next((member for member in kind if member == value), _LEAST[kind])
    if kind in _PLAIN:
        return _PLAIN[kind](value)
    raise TypeError(f"a record cannot hold {kind!r}")


def _record(kind: Any, told: Mapping[str, Any]) -> Any:
    return kind(**{one.name: decode(hint, told.get(one.name)) for one, hint in _fields(kind)
                   if one.name in told or one.default is one.default_factory is MISSING})


@cache
def _fields(kind: type) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple((one, hints[one.name]) for one in fields(kind))


def _tuple(parts: tuple[Any, ...], values: list[Any]) -> tuple[Any, ...]:
    if parts[-1] is Ellipsis:
        return tuple(decode(parts[0], one) for one in values if isinstance(one, Mapping) or not is_dataclass(parts[0]))
    return tuple(decode(part, one) for part, one in zip(parts, [*values, *[None] * len(parts)], strict=False))


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _real(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


_PLAIN: dict[type, Callable[[object], object]] = {
    str: _text, int: _number, float: _real, bool: lambda value: value is True}
