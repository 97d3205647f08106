"""What a file defines, read in one pass, is what the readers of single places find."""

from __future__ import annotations

import re

from hypothesis import given

from backport.csource import definitions
from backport.csource.layout import functions_in
from tests.support.c_source import SOURCE


@given(SOURCE)
def test_definitions_are_those_of_the_readers_they_stand_for(source: bytes) -> None:
    data = b"\n" + source
    assert set(definitions._function_names(data)) == {one.name.encode() for one in functions_in(data.split(b"\n"))}
    types = set()
    for match in definitions._BODY.finditer(data) if b"\n}" in data else ():
        alias = re.findall(rb"[A-Za-z_$]\w*", match[6]) if match[1] else []
        types |= {match[3]} - {None} | set(definitions.identifiers(match[6])[:1] if alias else [])
    assert set(definitions._type_names(data)) == types
