"""Operands that may stand in any order, and those that may not."""

from __future__ import annotations

import pytest

from backport.csource.operands_order import in_one_order

SAME = [
    (b"if(p->type!=MAPPED&&p->type!=UNWRITTEN)", b"if(p->type!=UNWRITTEN&&p->type!=MAPPED)"),
    (b"if(p->type!=MAPPED&&\np->type!=UNWRITTEN)", b"if(p->type!=UNWRITTEN&&\np->type!=MAPPED)"),
    (b"if(a||b==3)", b"if(b==3||a)"),
    (b"if(a->b.c>3||!a->d)", b"if(!a->d||a->b.c>3)"),
]
OTHER = [
    (b"if(p&&p->next)", b"if(p->next&&p)", "one is the condition for the other"),
    (b"if(p->a&&p->a->b)", b"if(p->a->b&&p->a)", "one is the condition for the other"),
    (b"if(take(p)&&p)", b"if(p&&take(p))", "a call"),
    (b"if((a=b)&&c)", b"if(c&&(a=b))", "an assignment"),
    (b"if(i<n&&array[i])", b"if(array[i]&&i<n)", "an index"),
    (b"if(a&&b||c)", b"if(b&&a||c)", "two operators: not looked into"),
    (b"if(a==1&&b==2)", b"if(a==2&&b==1)", "another condition"),
    (b"if(a<b&&c)", b"if(b<a&&c)", "another comparison"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_these_are_the_same_condition(one: bytes, two: bytes) -> None:
    assert in_one_order(one) == in_one_order(two)


@pytest.mark.parametrize(("one", "two", "why"), OTHER)
def test_these_are_not(one: bytes, two: bytes, why: str) -> None:
    assert in_one_order(one) != in_one_order(two), why
