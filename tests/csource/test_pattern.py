from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backport.csource.grammar import Opinion, opinion
from backport.csource.pattern import PatternError, compile_pattern, find
from backport.csource.template import Unsafe, compile_template, member, render
from backport.csource.tokens import lex
from tests.csource.test_tokens import FRAGMENTS


def rewrite(match: str, replace: str, source: bytes) -> bytes:
    pattern = compile_pattern(match)
    template = compile_template(replace, pattern)
    for found in reversed(list(find(pattern, source))):
        source = source[:found.start] + render(pattern, template, found, source) + source[found.end:]
    return source


HELPER = ("pending($VCPU)", "$VCPU->arch.pending")


@pytest.mark.parametrize(("before", "after"), [
    (b"if (pending(vcpu))", b"if (vcpu->arch.pending)"),
    (b"if (!pending(vcpu) &&", b"if (!vcpu->arch.pending &&"),
    (b"pending(&svm->vcpu);", b"svm->vcpu.arch.pending;"),
    (b"pending(&vcpus[i]);", b"vcpus[i].arch.pending;"),
    (b"pending((&svm->vcpu));", b"svm->vcpu.arch.pending;"),
    (b"pending(get(kvm, i));", b"get(kvm, i)->arch.pending;"),
    (b"pending(a ? b : c);", b"(a ? b : c)->arch.pending;"),
    (b"pending((struct kvm_vcpu *)p);", b"((struct kvm_vcpu *)p)->arch.pending;"),
    (b"pending(&*p);", b"(&*p)->arch.pending;"),
    (b"pending(\n\t\tto_vmx(a,\n\t\t\tb)\n\t);", b"to_vmx(a,\n\t\t\tb)->arch.pending;"),
    (b"pending (vcpu);", b"vcpu->arch.pending;"),
    (b"#ifdef CONFIG_KVM\n\tpending(vcpu);", b"#ifdef CONFIG_KVM\n\tvcpu->arch.pending;"),
    (b"#define A(v) pending(v)\n", b"#define A(v) v->arch.pending\n"),
    (b"return pending(pending(x));", b"return pending(x)->arch.pending;"),   # the inner one in the next round
])
def test_calls(before: bytes, after: bytes) -> None:
    assert rewrite(*HELPER, before) == after


@pytest.mark.parametrize("source", [
    b"/* pending(vcpu) */", b"// pending(vcpu)\n", b'"pending(vcpu)"', b"__pending(vcpu)", b"pending_now(vcpu)",
    b"ops->pending(vcpu)", b"ops.pending(vcpu)", b"pending(a, b)", b"pending()", b"pending",
    b"static bool pending(struct kvm_vcpu *vcpu)", b"boolpending(vcpu_t v);",
    b"\nbool\npending(struct kvm_vcpu *v)\n{",
    b"pending(vcpu", b"pending(vcpu;", b"pending(\n#ifdef A\n vcpu\n#endif\n)", b"\t * pending(vcpu) is\n",
    b"#define pending(vcpu) 1\n", b"is pending(vcpu)\n\t */\n", b"pending([vcpu)", b"pending(vcpu}",
])
def test_what_is_no_call_of_it(source: bytes) -> None:
    assert list(find(compile_pattern("pending($VCPU)"), source)) == []


@pytest.mark.parametrize(("match", "replace", "before", "after"), [
    ("call(${OP})($...ARGS)", "ops.${OP}($...ARGS)", b"r = call(get_cpl)(vcpu,\n\t\tx);",
     b"r = ops.get_cpl(vcpu,\n\t\tx);"),
    ("call(${OP})($...ARGS)", "ops.${OP}($...ARGS)", b"call(a)();", b"ops.a();"),
    ("static_call(kvm_x86_${OP})($...A)", "kvm_x86_ops.${OP}($...A)", b"static_call(kvm_x86_x)(v)",
     b"kvm_x86_ops.x(v)"),
    ("static_call(kvm_x86_${OP})($...A)", "kvm_x86_ops.${OP}($...A)", b"static_call(kvm_pmu_x)(v)",
     b"static_call(kvm_pmu_x)(v)"),
    ("f($A, $B)", "f($A)", b"f(a,\n  b);", b"f(a);"),
    ("f($A, $...REST)", "g($...REST)", b"f(a, b,\n\tc);", b"g(b,\n\tc);"),
    ("f($A, $B)", "g($A, $B)", b"f(a,\n\t  b);", b"g(a,\n\t  b);"),
    ("f($A, $B)", "g($B, $A)", b"f(x + 1, y);", b"g(y, x + 1);"),
    ("exception.vector", "exception.nr", b"v->arch.exception.vector = exception.vector;",
     b"v->arch.exception.nr = exception.nr;"),
    ("$V->arch.x", "get($V)", b"to_svm(v)->arch.x + (a)->arch.x + b->arch.x[1]",
     b"get(to_svm(v)) + get((a)) + get(b)[1]"),
    ("OLD", "NEW", b"OLD | x.OLD | OLDER | \"OLD\"", b"NEW | x.OLD | OLDER | \"OLD\""),
])
def test_other_patterns(match: str, replace: str, before: bytes, after: bytes) -> None:
    assert rewrite(match, replace, before) == after


@pytest.mark.parametrize(("before", "after"), [
    (b"if (f(a))", b"if (a->x || a->y)"),
    (b"!f(a);", b"!(a->x || a->y);"),
    (b"(b && f(a))", b"(b && (a->x || a->y))"),
    (b"(b || f(a))", b"(b || a->x || a->y)"),
    (b"r = f(a);", b"r = a->x || a->y;"),
    (b"return f(a);", b"return a->x || a->y;"),
    (b"g(f(a), 1)", b"g(a->x || a->y, 1)"),
    (b"(u64)f(a);", b"(u64)(a->x || a->y);"),
    (b"f(a)", b"(a->x || a->y)"),    # nobody knows what the hunk cut off
])
def test_parentheses_only_where_they_are_needed(before: bytes, after: bytes) -> None:
    assert rewrite("f($A)", "$A->x || $A->y", before) == after


@pytest.mark.parametrize(("match", "replace", "source"), [
    ("f($A)", "$A->x || $A->y", b"f(next());"),       # evaluated twice
    ("f($A, $B)", "f($A)", b"f(a, b++);"),            # not evaluated any more
    ("f($A, $B)", "f($A)", b"f(a /* why */, b);"),    # a comment would be lost
    ("f($A)", "$A->x", b"f(/* why */ a);"),
])
def test_what_would_change_the_meaning_is_refused(match: str, replace: str, source: bytes) -> None:
    with pytest.raises(Unsafe):
        rewrite(match, replace, source)


def test_member_access() -> None:
    assert member(b"&a->b", b"->") == (b"a->b", b".")
    assert member(b"*p", b".") == (b"p", b"->")
    assert member(b"&a + 1", b"->") == (b"(&a + 1)", b"->")
    assert member(b"!p", b"->") == (b"(!p)", b"->")


@pytest.mark.parametrize("text", ["", "$A", "($A)", "f($A", "f($A))", "f($A $B)", "f($A, $A)", "f($...A, $B)",
                                  "f(x) /* c */", "#define x", "+", "f(a$b)"])
def test_bad_patterns_say_why(text: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(text)


def test_a_template_may_use_only_what_is_bound() -> None:
    with pytest.raises(PatternError, match=r"\$B"):
        compile_template("$B->x", compile_pattern("f($A)"))


def test_the_grammar_refuses_what_tokens_cannot_see() -> None:
    source = b"void g(void)\n{\n\tf(a); /* f(a) */\n}\n"
    assert opinion(source, source.index(b"f(a)"), source.index(b"f(a)") + 4) is Opinion.CONFIRMED
    assert opinion(source, source.rindex(b"f(a)"), source.rindex(b"f(a)") + 4) is Opinion.REFUSED


@given(FRAGMENTS | st.binary(max_size=60), FRAGMENTS)
def test_no_fragment_makes_it_raise_or_touch_other_bytes(before: bytes, inner: bytes) -> None:
    source = before + b"foo(" + inner + b")" + before
    pattern = compile_pattern("foo($A)")
    template = compile_template("$A->bar", pattern)
    end = 0
    for found in find(pattern, source):
        assert found.start >= end                       # in order, not overlapping
        end = found.end
        assert source[found.start:found.start + 3] == b"foo"
        assert source[found.end - 1:found.end] == b")"
        holder = next(t for t in lex(source) if t.start <= found.start < t.end)
        assert holder.text == b"foo"                    # a whole name: not in a comment, literal or longer name
        try:
            render(pattern, template, found, source)
        except Unsafe:
            continue


@given(st.from_regex(rb"[a-z_]{0,3}foo[a-z_0-9]{0,3}", fullmatch=True).filter(lambda name: name != b"foo"))
def test_longer_names_never_match(name: bytes) -> None:
    assert list(find(compile_pattern("foo($A)"), b"x = " + name + b"(a);")) == []
    assert list(find(compile_pattern("foo"), b"x = " + name + b";")) == []


@given(st.text(alphabet="ab foo()*'\t\n", max_size=30))
def test_comments_and_strings_never_match(text: str) -> None:
    raw = text.encode().replace(b"*/", b"")
    pattern = compile_pattern("foo($A)")
    assert list(find(pattern, b"x; /* " + raw + b" foo(a) */ y;")) == []
    assert list(find(pattern, b'x = "' + raw.replace(b"\n", b"") + b' foo(a)";')) == []


@given(FRAGMENTS, FRAGMENTS)
def test_bytes_outside_the_match_stay(before: bytes, after: bytes) -> None:
    source = b"int a;\n" + before + b"\nfoo(x);\n" + after
    out = rewrite("foo($A)", "bar($A)", source)
    assert out.replace(b"bar(", b"foo(") == source.replace(b"bar(", b"foo(")
