"""How a line of code without comments begins, jumps and returns."""

from __future__ import annotations

import re

_JUMP = re.compile(rb"\s*(return|goto|break|continue)\b")
_STOPS = re.compile(rb"\s*(?:BUG|unreachable)\s*\(")
_GOTO = re.compile(rb"\bgoto\s+(\w+)\s*;")
_JUMPED = re.compile(rb"(?:\bgoto\s+|&&\s*)(\w+)")
_RETURN = re.compile(rb"\breturn\b\s*([^;]*?)\s*;")
_LABEL = re.compile(rb"[ \t]*([A-Za-z_]\w*)[ \t]*:(?!:)")
_CASE = re.compile(rb"\s*(?:case\b|default\s*:)")
_COMMENT = re.compile(rb"^\s*(/\*.*\*/|//.*|\*.*|/\*.*|.*\*/)?\s*$")
_CONDITION = re.compile(rb"^\s*(?:\}?\s*else\s+)?(?:if|while|for|switch)\s*\(|^\s*(?:\|\||&&)|(?:\|\||&&)\s*$")
_CASE_NAME = re.compile(rb"\s*(?:case\s+([A-Za-z_]\w*)\s*:|default\s*:)")
_WORD = re.compile(rb"\s*(\w+)")
_CONTROL = re.compile(rb"(?:\}\s*)?(?:if|else|for|while|do|switch)\b|list_for_each|for_each_")
_HEAD = re.compile(rb"(?:else)?(if|for|while|switch|do|else)(?!\w)|(\w*for_each\w*)\(")
_SETS_OR_ASKS = re.compile(rb"\bif\b|[^=!<>]=[^=]|\bfor\b|\bwhile\b")
_ASKS = re.compile(rb"\s*(?:\}\s*else\s*)?if\s*\(\s*(?:!\s*(\w+)|IS_ERR(?:_OR_NULL)?\(\s*(\w+)\s*\))")


def first_word(line: bytes) -> bytes:
    """The word that a line begins with, b"" where it begins with none."""
    match = _WORD.match(line)
    return match[1] if match is not None else b""


def jump(line: bytes) -> bytes:
    """b"return", b"goto", b"break" or b"continue" where a line begins with it, else b""."""
    match = _JUMP.match(line)
    return match[1] if match is not None else b""


def leaves(line: bytes) -> bool:
    """True where control does not go on behind a line: it begins with a jump, or with what never returns."""
    return bool(jump(line)) or _STOPS.match(line) is not None


def gotos(text: bytes) -> list[bytes]:
    """The labels that `goto` names, in order."""
    return _GOTO.findall(text)


def is_jumped_to(text: bytes, label: bytes) -> bool:
    """Whether a `goto` of `text` names the label, or `&&` takes its address."""
    return label in _JUMPED.findall(text)


def returned(text: bytes) -> bytes | None:
    """What the first whole `return` of `text` gives back, b"" for nothing; None where there is none."""
    match = _RETURN.search(text)
    return match[1] if match is not None else None


def label(line: bytes) -> bytes:
    """The label that a line begins with, b"" for none; `default` is no label."""
    match = _LABEL.match(line)
    return match[1] if match is not None and match[1] != b"default" else b""


def has_label(text: bytes, name: bytes) -> bool:
    """Whether the label stands anywhere in the code of a function, behind another statement too."""
    return re.search(rb"\b%s\s*:(?!:)" % re.escape(name), text) is not None


def is_case(line: bytes) -> bool:
    """True for a line that begins with a `case` or `default` label."""
    return _CASE.match(line) is not None


def is_comment(line: bytes) -> bool:
    """True for a line of a diff that is comment or nothing, as far as it says so itself: ` * text` is one."""
    return _COMMENT.match(line) is not None


def is_condition(line: bytes) -> bool:
    """True for a line that begins a condition, or is joined to one by `&&` or `||`."""
    return _CONDITION.search(line) is not None


def case_name(line: bytes) -> bytes | None:
    """The constant of the `case` label that a line begins with, b"" for `default`; None for any other line, and for a
    `case` that is no plain name."""
    match = _CASE_NAME.match(line)
    return match[1] or b"" if match is not None else None


def controls(line: bytes) -> bool:
    """True for a line that rules the statement behind it: `if (x)`, `else`; a label's `case` is none. A comment may
    stand behind it."""
    text = line.split(b"/*")[0].strip()
    return bool(_CONTROL.match(text)) and not text.endswith((b";", b"{", b"}", b":"))


def head_kind(head: bytes) -> bytes:
    """b"if", b"for", b"while", b"switch", b"do" or b"else" for the head of a block without white space (blocks.Place),
    b"" for any other one. A `for_each` macro is a `for`."""
    match = _HEAD.match(head)
    if match is None:
        return b""
    return b"for" if match[2] else match[1]


def walker(head: bytes) -> bytes:
    """The name of the macro where the head of a block is a `for_each`, else b""."""
    match = _HEAD.match(head)
    return match[2] or b"" if match is not None else b""


def sets_or_asks(line: bytes) -> bool:
    """True for a line that gives something a value, or has a condition."""
    return _SETS_OR_ASKS.search(line) is not None


def asked_pointer(line: bytes) -> bytes:
    """The variable that an `if` tests for NULL or for an error pointer first of all, b"" for none."""
    match = _ASKS.match(line)
    return (match[1] or match[2]) if match is not None else b""
