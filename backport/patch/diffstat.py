"""The diffstat that git format-patch writes (72 columns), from the diff itself."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence

from backport.patch.model import FileDiff
from backport.patch.paths import quoted

_WIDTH = 72


def diffstat(files: Sequence[FileDiff]) -> bytes:
    """Stat lines, the sum, and the mode lines, each with its newline; ends without an empty line."""
    if not files:
        return b""
    rows = [(_shown(file), sum(len(h.added) for h in file.hunks), sum(len(h.removed) for h in file.hunks),
             _binary(file)) for file in files]
    most = max(add + gone for _name, add, gone, _b in rows)
    longest = max(len(name) for name, *_rest in rows)
    number = max(len(str(most)), 3 if any(binary for *_rest, binary in rows) else 0)
    # git: " name | number graph"; the graph gets what is left, at most 3/8 of the width are the names' to give
    name_width, graph_width = longest, max(most, *(len(binary) - 4 for *_rest, binary in rows))
    if name_width + number + 6 + graph_width > _WIDTH:
        if graph_width > _WIDTH * 3 // 8 - number - 6:
            graph_width = max(_WIDTH * 3 // 8 - number - 6, 6)
        if name_width > _WIDTH - number - 6 - graph_width:
            name_width = _WIDTH - number - 6 - graph_width
        else:
            graph_width = _WIDTH - number - 6 - name_width
    out = []
    for name, add, gone, binary in rows:
        shown = _cut(name, name_width)
        label = b" " + shown + b" " * (name_width - len(shown)) + b" | "
        if binary:
            out.append(label + b" " * (number - 3) + binary + b"\n")
            continue
        plus, minus = _scaled(add, gone, graph_width, most)
        bars = b"+" * plus + b"-" * minus
        out.append(label + b"%*d" % (number, add + gone) + (b" " + bars if bars else b"") + b"\n")
    out.append(_sum(len(files), sum(row[1] for row in rows), sum(row[2] for row in rows)))
    out += [line for file in files if (line := _mode(file))]
    return b"".join(out)


def _binary(file: FileDiff) -> bytes:
    """`Bin 12 -> 34 bytes`, `Bin` where the payload does not say, b"" for a text file."""
    if not file.binary:
        return b""
    blocks = list(re.finditer(rb"^(literal|delta) (\d+)\n((?:.+\n)+)", file.tail, re.M))
    old = 0 if file.created else None
    new = 0 if file.deleted else None
    if blocks and blocks[0][1] == b"delta":
        old, new = _delta_sizes(blocks[0][3])
    elif blocks:
        new = int(blocks[0][2])
    if len(blocks) == 2 and old is None:
        old = int(blocks[1][2]) if blocks[1][1] == b"literal" else _delta_sizes(blocks[1][3])[1]
    return b"Bin" if old is None or new is None else b"Bin %d -> %d bytes" % (old, new)


def _delta_sizes(encoded: bytes) -> tuple[int | None, int | None]:
    """(source, target) size in bytes, from the two numbers at the start of a git delta."""
    payload = b""
    for line in encoded.split(b"\n"):
        if line:
            count = line[0] - 64 if line[0] < 97 else line[0] - 96 + 26
            payload += base64.b85decode(line[1:])[:count]
    data = zlib.decompressobj().decompress(payload, 64)
    sizes: list[int | None] = []
    at = 0
    while len(sizes) < 2 and at < len(data):
        value = shift = 0
        while at < len(data):
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        sizes.append(value)
    return (sizes[0], sizes[1]) if len(sizes) == 2 else (None, None)


def _sum(files: int, added: int, removed: int) -> bytes:
    out = b" %d file%s changed" % (files, b"" if files == 1 else b"s")
    if added or not removed:
        out += b", %d insertion%s(+)" % (added, b"" if added == 1 else b"s")
    if removed or not added:
        out += b", %d deletion%s(-)" % (removed, b"" if removed == 1 else b"s")
    return out + b"\n"


def _mode(file: FileDiff) -> bytes:
    path = quoted(file.path)
    if file.created and file.new_mode:
        return b" create mode %s %s\n" % (file.new_mode.encode(), path)
    if file.deleted and file.old_mode:
        return b" delete mode %s %s\n" % (file.old_mode.encode(), path)
    out = b""
    if file.renamed:
        similarity = next((line[len(b"similarity index "):] for line in file.header.split(b"\n")
                           if line.startswith(b"similarity index ")), b"")
        out = b" %s %s (%s)\n" % (b"copy" if file.copied else b"rename", _shown(file), similarity)
    if file.old_mode and file.new_mode and file.old_mode != file.new_mode:
        where = b"" if file.renamed else b" " + path
        out += b" mode change %s => %s%s\n" % (file.old_mode.encode(), file.new_mode.encode(), where)
    return out


def _shown(file: FileDiff) -> bytes:
    if not file.renamed or file.old_path is None or file.new_path is None:
        return quoted(file.path)
    old, new = quoted(file.old_path), quoted(file.new_path)
    if old.startswith(b'"') or new.startswith(b'"'):
        return old + b" => " + new
    # git's pprint_rename: common leading and trailing directories outside the braces
    prefix = 0
    for i, (a, b) in enumerate(zip(old, new, strict=False)):
        if a != b:
            break
        if a == ord("/"):
            prefix = i + 1
    suffix = 0
    limit = min(len(old), len(new)) - (prefix - 1 if prefix else 0)
    for i in range(1, limit + 1):
        if old[-i] != new[-i]:
            break
        if old[-i] == ord("/"):
            suffix = i
    a_mid = old[prefix:max(prefix, len(old) - suffix)]
    b_mid = new[prefix:max(prefix, len(new) - suffix)]
    if prefix + suffix == 0:
        return a_mid + b" => " + b_mid
    return old[:prefix] + b"{" + a_mid + b" => " + b_mid + b"}" + (old[len(old) - suffix:] if suffix else b"")


def _cut(name: bytes, width: int) -> bytes:
    if len(name) <= width:
        return name
    rest = name[len(name) - max(width - 3, 0):]
    slash = rest.find(b"/")
    return b"..." + (rest[slash:] if slash >= 0 else rest)


def _scaled(added: int, removed: int, width: int, most: int) -> tuple[int, int]:
    if most <= width:
        return added, removed
    total = added + removed
    scaled = _scale(total, width, most)
    if scaled < 2 and added and removed:
        scaled = 2
    if added < removed:
        plus = _scale(added, width, most)
        return plus, scaled - plus
    minus = _scale(removed, width, most)
    return scaled - minus, minus


def _scale(value: int, width: int, most: int) -> int:
    return 0 if not value else 1 + value * (width - 1) // most
