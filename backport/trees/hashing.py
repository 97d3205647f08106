"""How words are told apart in the store of names (catalog.py, postings.py), without an array library."""

from __future__ import annotations

CODE, MENTIONED = 8, 16              # beside definitions.FUNCTION, MACRO and TYPE as bits 1, 2 and 4
SHIFT = 5                            # bits of a posting that say what the blob has of the word
LISTS = 0                            # the hash that stands for "this file is a list of registers"
BLOBS = ("hashes", "starts", "postings", "blobs")        # the files of a segment

_MASK = (1 << 64) - 1
MIX = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)           # odd: a word of eight bytes has a number of its own


def word_hash(word: bytes) -> int:
    """56 bits, the same on every machine; never LISTS."""
    total = 0
    for at in range(0, len(word), 8):
        total = (total ^ int.from_bytes(word[at:at + 8], "little")) * MIX[0] & _MASK
        total = (total ^ total >> 32) * MIX[1] & _MASK
        total ^= total >> 29
    return total >> 8 or 1
