"""Declarations in code without comments: is a line one, what does it declare, and of what type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from backport.bounded import by_content
from backport.csource.calls import parts
from backport.csource.pieces import code

_NO_TYPE = frozenset(b"return goto else case break continue sizeof typedef delete defined do in default".split())
_ATTRIBUTES = rb"(?:\s*__\w+(?:\([^()]*\))?)*"
# what stands behind a name and is none
_NAME = (rb"(?!__(?:maybe_unused|always_unused|read_mostly|ro_after_init|init\w*|exit\w*|aligned|packed|free|cleanup|"
         rb"attribute__|section)\b)([A-Za-z_]\w*)")
_TAIL = rb"((?:\s*\[[^]]*\])*)\s*(?::\s*\w+)?" + _ATTRIBUTES + rb"\s*"
_FIRST = re.compile(rb"((?:[A-Za-z_]\w*\s+)*[A-Za-z_]\w*)(\s*\*[*\s]*|\s+)" + _NAME + _TAIL)
_FURTHER = re.compile(rb"\s*(\*[*\s]*|)" + _NAME + _TAIL)
_ORDER = re.compile(rb"(le|be)(16|32|64)")
_UNSIGNED = re.compile(rb"\b(?:unsigned|[us]?u(?:8|16|32|64)|__u\d+|size_t|bool)\b")
_SIGNED = frozenset({b"int", b"long", b"ssize_t", b"s8", b"s16", b"s32", b"s64", b"short"})
_TYPED = re.compile(rb"((?:struct|enum|union)\s+\w+|\b[A-Za-z_]\w*)(?:\s*\*+\s*|\s+)([A-Za-z_]\w*)\s*(?=[,);=\[])")
# the type and the first names of a declaration of several
_BEFORE = (rb"^\s*(?!return\b|goto\b)(?:(?:const|static|unsigned|signed|struct|union|enum|volatile)\s+)*\w+[\s*]+"
           rb"(?:\w+(?:\[[^\]\n]*\])?(?:\s*=[^,;\n]*)?\s*,\s*\**)+")

_AT_FILE_LEVEL = re.compile(rb"^(?![\s#/*}{]).*?(?<!\w)(\w+)\s*\(", re.MULTILINE)
# `return nfs_ok;` declares nothing, nor does `#ifdef CONFIG_RT_MUTEXES`
_NO_DECLARATION = re.compile(rb"\b(?:return|goto)\b[^;]*;|^[ \t]*#.*|\b\d\w*\s*\*", re.M)
_LONE = re.compile(rb"(?:const|unsigned|signed|struct\w|union\w|enum\w|int|long|short|char|bool|void\*|[us]\d+)"
                   rb"[\w*,]*;")
_DECLARED = re.compile(rb"\w[ \t*]+(\w+)(?:\[\w*\])?;")
# looked back for, not read: in `unsigned long flags` each word stands behind another one
_BEHIND = re.compile(rb"(?:(?<=\w)\s+|\*\s*)\*{0,8}(\w+)")
_NEXT = re.compile(rb",\s*\**(\w+)\s*(?=[,;=\[])")
_HEADED = re.compile(rb"([A-Za-z_]\w*)\s*\(")
_SIGNATURE = re.compile(rb"^(?:[A-Za-z_][\w \t*]*[ \t*])?(\w+)\(")


@dataclass(frozen=True, slots=True)
class Declarator:
    """One name of a declaration: `type` with single spaces, its stars and b"[]" for an array; `value` is the initial
    value, None without one."""

    name: bytes
    type: bytes
    value: bytes | None = None


def at_file_level(source: bytes) -> frozenset[bytes]:
    """The first name before a parenthesis of each line that begins at the margin: functions, prototypes, and macros
    that define something."""
    return frozenset(match[1] for match in _AT_FILE_LEVEL.finditer(source))


def made_by_macro(function: bytes, name: bytes) -> bool:
    """Whether a macro can declare `name` in the code of a function: one with which a statement begins, as LIST_HEAD(),
    or a directive. IS_ERR() in a condition declares nothing."""
    word = re.escape(name)
    statement = rb"(?:^|[{;:])[ \t]*(?:(?!return\b)\w+[ \t*]+)*[A-Z][A-Z0-9_]{2,}\s*\([^)]{0,2000}\b%s\b" % word
    return re.search(rb"%s|^[ \t]*#.*\b%s\b" % (statement, word), function, re.MULTILINE) is not None


def perhaps_declared(text: bytes) -> frozenset[bytes]:
    """The names among which those are that `declares_inside` knows: behind another word, a star or a comma. One search,
    and not one for each name."""
    return frozenset(_BEHIND.findall(text)) | frozenset(_NEXT.findall(text))


def may_be_declared(function: bytes, name: bytes) -> bool:
    """Whether `name` stands in the code of a function as only a declaration has it, right behind another word, or where
    a loop or a scope declares it: `for_each_child_of_node_scoped(parent, name)`."""
    word = re.escape(name)
    before = {match[1] for match in re.finditer(rb"\b([A-Za-z_]\w*)[ \t]+%s\b" % word, function)}
    return bool(before - _NO_TYPE) or re.search(rb"\b\w*(?:for_each|scope)\w*\s*\([^;{]*\b%s\b" % word,
                                                function) is not None


def headed(line: bytes) -> bytes:
    """The first name before a parenthesis: the function, where `line` is what git writes behind @@. b"" without one."""
    match = _HEADED.search(line)
    return match[1] if match is not None else b""


def head_name(line: bytes) -> bytes:
    """The name that a line at the margin gives parameters to, as the head of a function does; b"" for another line."""
    match = _SIGNATURE.match(line)
    return match[1] if match is not None else b""


@lru_cache(maxsize=8192)
def declaration(line: bytes) -> tuple[Declarator, ...]:
    """What a line declares that is one whole declaration of variables or members; () for any other line.

    A prototype and a pointer to a function are none, and `a * b;` is one: nobody writes a product and drops it.
    """
    text = line.strip()
    if not text.endswith(b";") or text.count(b";") != 1:
        return ()
    text = text[:-1]
    out: list[Declarator] = []
    base = b""
    for lo, hi in parts(text, 0, len(text)).spans:
        left, equals, value = text[lo:hi].partition(b"=")
        match = _FURTHER.fullmatch(left) if out else _FIRST.fullmatch(left)
        if match is None or value.startswith(b"="):
            return ()
        if not out:
            base = b" ".join(match[1].split())
            if base.split()[0] in _NO_TYPE or match[3] in _NO_TYPE:
                return ()
        stars, name, array = match[match.re.groups - 2], match[match.re.groups - 1], match[match.re.groups]
        kind = base + (b" " + b"".join(stars.split()) if b"*" in stars else b"") + (b"[]" if array else b"")
        out.append(Declarator(name, kind, value.strip() if equals else None))
    return tuple(out)


def first_value(body: bytes, name: bytes) -> bytes | None:
    """What the declaration of `name`, one tab deep in a function's body, sets it to; None where nothing does."""
    match = re.search(rb"^\t\w[\w \t]*[ \t*]%s\s*=([^;]*);" % re.escape(name), body, re.MULTILINE)
    return match[1] if match is not None else None


def lone(key: bytes) -> bool:
    """True for a line, without its white space, that declares names of a common type and gives them no value."""
    return _LONE.fullmatch(key) is not None


def member_name(line: bytes) -> bytes:
    """The name that a line ends with behind a type, as a member's does (`u32 name;`), b"" for another line."""
    match = _DECLARED.search(line)
    return match[1] if match is not None else b""


def declares_only(line: bytes) -> bool:
    """True for a declaration that gives no value to what it declares."""
    found = declaration(line)
    return bool(found) and all(one.value is None for one in found)


def is_local(line: bytes) -> bool:
    """True for a declaration that is indented; a comment may stand behind it."""
    return line[:1] in (b" ", b"\t") and bool(declaration(code(line)))


def of_function(line: bytes) -> tuple[Declarator, ...]:
    """`declaration` for one that stands one tab deep, in the outermost block of a function; a comment may stand behind
    it."""
    return declaration(code(line)) if line[:1] == b"\t" and line[1:2] not in (b"\t", b" ") else ()


@by_content(1 << 20)
def types(text: bytes) -> dict[bytes, bytes]:
    """name -> its type, for names that the declarations of `text` give one type only."""
    found: dict[bytes, set[bytes]] = {}
    for line in text.split(b"\n"):
        for one in declaration(line) if line[:1] in (b"\t", b" ") else ():
            found.setdefault(one.name, set()).add(one.type)
    return {name: next(iter(kinds)) for name, kinds in found.items() if len(kinds) == 1}


def byte_orders(kind: bytes) -> list[tuple[bytes, bytes]]:
    """(b"le" or b"be", width) of a type whose bytes have an order."""
    return _ORDER.findall(kind)


def typed(text: bytes) -> set[tuple[bytes, bytes]]:
    """(name, last word of its type) of everything that looks declared in `text`, parameters too."""
    return {(m[2], m[1].split()[-1]) for m in _TYPED.finditer(text) if m[1] not in _NO_TYPE}


def kind_of(text: bytes, name: bytes) -> str:
    """What the only declaration of `name` makes it, a parameter's too: "a pointer", "unsigned", "signed"; "" where it
    cannot be told."""
    kinds = set()
    for match in re.finditer(rb"(?:^\t+|[(,]\s*)((?:[A-Za-z_]\w*\s+)*[A-Za-z_]\w*[\s*]+)%s\s*(?=[;=,)])" % name, text,
                             re.MULTILINE):
        words = set(match[1].replace(b"*", b" ").split())
        if words & _NO_TYPE:
            continue
        kinds.add("a pointer" if b"*" in match[1] else "unsigned" if _UNSIGNED.search(match[1])
                  else "signed" if words & _SIGNED else "")
    return kinds.pop() if len(kinds) == 1 else ""


def declares(text: bytes, name: bytes) -> bool:
    """True where `name` is declared, alone or behind others (`int a, b;`), with or without an attribute."""
    word = re.escape(name)
    return re.search(rb"\b\w+[\s*]+%s\s*(?:[;,=\[)]|$|__\w+)" % word, text) is not None \
        or re.search(_BEFORE + rb"%s\s*[;,=\[]" % word, text, re.MULTILINE) is not None


def declares_inside(function: bytes, name: bytes) -> bool:
    """`declares` of the code of a function, in which jumps and directives stand, and products of a number: `10 * MILLI`
    declares nothing. Nor does `struct name` declare a variable of that name; `(*name)(` does."""
    text = re.sub(rb"\b(struct|union|enum)\s+%s\b" % re.escape(name), rb"\1", _NO_DECLARATION.sub(b";", function))
    return declares(text, name) or re.search(rb"\(\s*\*\s*%s\s*\)\s*\(" % re.escape(name), text) is not None


def lists(text: bytes, name: bytes) -> bool:
    """True where `name` is a further declarator: the `b` of `int a, b;`."""
    return re.search(rb"\w\s*,\s*\**%s\s*[,;=\[]" % re.escape(name), text) is not None


def has_parameter(text: bytes, name: bytes) -> bool:
    """True where `name` is the parameter of some function."""
    return re.search(rb"\b\w+[\s*]+%s\s*[,)]" % re.escape(name), text) is not None
