from __future__ import annotations

from backport.inspect.calls import case_above, chains, index, scope_of, similar

MAIN = b"""#include "x.h"

/* fix_it(v) in a comment is no call */
static const char *text = "fix_it(v)";

int fix_it(struct vcpu *v)
{
\tif (is_pending(v) || v->arch.injected)
\t\treturn -EBUSY;
\treturn helper(v);
}

static int helper(struct vcpu *v)
{
\treturn v->ops->set_debug(v);
}

static int arch_debug(struct vcpu *v)
{
\tpr_info("fix_it(%d)", 1);
\treturn fix_it(v);
}

static struct ops my_ops = {
\t.set_debug = arch_debug,
};
"""
GENERIC = b"""
static long vcpu_ioctl(struct file *f, unsigned int ioctl)
{
\tswitch (ioctl) {
\tcase VCPU_RUN:
\t\treturn run(f);
\tcase VCPU_DEBUG: {
\t\tstruct vcpu *v = f->v;
\t\treturn generic_debug(v);
\t}
\tdefault:
\t\treturn -EINVAL;
\t}
}

static int generic_debug(struct vcpu *v)
{
\treturn v->ops->set_debug(v);
}

static const struct file_operations vcpu_fops = {
\t.unlocked_ioctl = vcpu_ioctl,
};
"""
HEADER = b"""static inline bool is_pending(struct vcpu *v)
{
\treturn v->arch.pending;
}
#define also_pending(v) \\
\t(is_pending(v) || \\
\t (v)->arch.injected)

struct vcpu {
\tconst struct ops *ops;
};
"""
OTHER = b"""static bool vmx_busy(struct vcpu *v)
{
\treturn v->mode == REAL &&
\t       (is_pending(v) ||
\t\tv->arch.injected);
}

static void two_statements(struct vcpu *v)
{
\tWARN_ON(is_pending(v));
\tv->arch.injected = true;
}
"""
TREE = {"arch/x86/kvm/x.c": MAIN, "virt/kvm/main.c": GENERIC, "arch/x86/kvm/x.h": HEADER, "arch/x86/kvm/vmx.c": OTHER}


def test_calls_are_calls_and_not_comments_strings_or_definitions() -> None:
    tree = index("t", TREE)
    assert [(s.path, s.function) for s in tree.callers["fix_it"]] == [("arch/x86/kvm/x.c", "arch_debug")]
    definition = tree.definition("fix_it")
    assert definition is not None
    assert str(definition) == "arch/x86/kvm/x.c:6"
    assert tree.callees(definition) == ["is_pending", "helper"]
    assert str(tree.definition("also_pending")) == "arch/x86/kvm/x.h:5"


def test_the_way_from_the_ioctl_goes_through_the_table_of_function_pointers() -> None:
    tree = index("t", TREE)
    (chain,) = chains(tree, "fix_it")
    assert chain.entry == "vcpu_ioctl"
    assert chain.how == ".unlocked_ioctl at virt/kvm/main.c:22"
    assert [site.function for site in chain.sites] == ["vcpu_ioctl", "generic_debug", "arch_debug"]
    assert case_above(tree, chain.sites[0]) == "VCPU_DEBUG"


FILES = b"""
static int stat_release(struct inode *inode, struct file *file)
{
\treturn target(inode);
}

static const struct file_operations stat_fops = {
\t.release = stat_release,
};

static int odd_release(struct thing *t)
{
\treturn other(t);
}

static struct odd_ops odd = {
\t.release\t= odd_release,
};
"""
DEVICE = b"""
static long vm_ioctl(struct file *f, unsigned int ioctl)
{
\tconst struct kvm_device_ops *ops = f->ops;
\tswitch (ioctl) {
\tcase CREATE_DEVICE:
\t\treturn ops->release(f);
\tcase SET_CR0:
\t\tif (static_call(kvm_x86_set_cr0)(f))
\t\t\treturn kvm_x86_call(set_cr4)(f);
\tcase ODD:
\t\treturn unknown()->release(f);
\t}
}

static const struct file_operations fops = {
\t.unlocked_ioctl = vm_ioctl,
};

static void vmx_set_cr0(struct file *f)
{
}

static void vmx_set_cr4(struct file *f)
{
}

struct kvm_x86_ops vmx_ops = {
\t.set_cr0 = vmx_set_cr0,
\t.set_cr4 = vmx_set_cr4,
};
"""


def test_a_member_of_another_struct_type_is_no_way() -> None:
    """`.release` of a file is not what `ops->release()` of a device calls."""
    tree = index("t", {"arch/x86/kvm/d.c": FILES, "virt/kvm/m.c": DEVICE})
    assert chains(tree, "stat_release") == ()
    assert [site.types for site in tree.callers[".release"]] == [frozenset({"kvm_device_ops"})]
    assert [case_above(tree, c.sites[0]) for c in chains(tree, "vmx_set_cr0")] == ["SET_CR0"]
    assert [case_above(tree, c.sites[0]) for c in chains(tree, "vmx_set_cr4")] == ["SET_CR0"]


def test_a_member_whose_type_cannot_be_read_is_a_guess_and_says_so() -> None:
    loose = DEVICE.replace(b"\tconst struct kvm_device_ops *ops = f->ops;\n", b"\ttypeof(f->ops) ops = f->ops;\n")
    tree = index("t", {"arch/x86/kvm/d.c": FILES, "virt/kvm/m.c": loose})
    (chain,) = chains(tree, "odd_release")
    assert chain.guessed == (".release",)


def test_an_array_of_handlers_is_called_by_index() -> None:
    code = DEVICE + b"""
static int handle_hlt(struct file *f)
{
\treturn target(f);
}

static int (*const exit_handlers[])(struct file *f) = {
\t[EXIT_REASON_HLT] = handle_hlt,
};

static int (*other_handlers[])(struct file *f) = {
\t[EXIT_REASON_HLT] = vmx_set_cr0,
};

static int handle_exit(struct file *f)
{
\treturn exit_handlers[f->reason](f);
}

static int run_ioctl(struct file *f)
{
\treturn handle_exit(f);
}

static const struct file_operations run_fops = {
\t.unlocked_ioctl = run_ioctl,
};
"""
    tree = index("t", {"arch/x86/kvm/v.c": code})
    (chain,) = chains(tree, "handle_hlt")
    assert [site.function for site in chain.sites] == ["run_ioctl", "handle_exit"]
    assert not chain.guessed


def test_no_way_is_no_chain_and_recursion_ends() -> None:
    loop = {"a/b/c.c": b"int a(void)\n{\n\treturn b();\n}\n\nint b(void)\n{\n\treturn a();\n}\n"}
    assert chains(index("t", loop), "a") == ()


def test_the_same_pattern_is_found_over_lines_but_not_over_statements() -> None:
    tree = index("t", TREE)
    found = similar(tree, b"\tif (is_pending(v) || v->arch.injected)\n")
    assert [(s.path, s.line, s.function) for s in found] == [
        ("arch/x86/kvm/vmx.c", 4, "vmx_busy"), ("arch/x86/kvm/x.c", 8, "fix_it"), ("arch/x86/kvm/x.h", 6, "")]
    assert similar(tree, b"\treturn 0;\n") == ()


def test_where_callers_are_looked_for() -> None:
    headers = ("arch/x86/include/asm/kvm_host.h", "include/kvm/iodev.h", "include/linux/kvm_host.h")
    assert scope_of(["arch/x86/kvm/vmx/nested.c"]) == ("arch/x86/kvm", "virt/kvm", *headers)
    assert scope_of(["virt/kvm/eventfd.c"]) == ("arch/x86/kvm", "virt/kvm", *headers)
    assert scope_of(["drivers/net/ethernet/intel/e1000.c"]) == ("drivers/net/ethernet",)
    assert scope_of(["Makefile"]) == ()
