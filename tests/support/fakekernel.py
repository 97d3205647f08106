"""A believable mini kernel in a git repository, so that driver and workflow are tested without a kernel.

Its Makefile speaks kbuild's language where backport listens: `O=`, defconfig, olddefconfig, `DIR/` targets,
`  CC      path` lines, `.cmd` files, objects made by the real gcc in under a second. Faults are asked for in the
sources: `BACKPORT_FAULT(ice)` anywhere in a file that is compiled makes the compiler crash there; also `kill`,
`nospace`, `hang`, `skew`, `notool`, `oom`. `FAULT=...` as a make variable does the same to every object.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

MAKEFILE = r"""VERSION = @V@
PATCHLEVEL = @P@
SUBLEVEL = @S@
EXTRAVERSION =
NAME = Fake Kernel

ifeq ($(KBUILD_INNER),)
$(or $(MAKECMDGOALS),all):
	@$(MAKE) --no-print-directory -C $(O) -f $(CURDIR)/Makefile KBUILD_INNER=1 srctree=$(CURDIR) $(MAKECMDGOALS)
.PHONY: $(MAKECMDGOALS) all
else
export srctree
CC ?= gcc
CFLAGS_ALL := -Wall -O2 -nostdinc -I$(srctree)/include -Iinclude -I$(srctree)/arch/x86/kvm \
	-include include/generated/autoconf.h
-include include/config/auto.conf

%_defconfig:
	@mkdir -p include/config include/generated
	@cp $(srctree)/arch/x86/configs/$@ .config
	@$(MAKE) --no-print-directory -f $(srctree)/Makefile olddefconfig

allmodconfig:
	@sed -n 's/^config \(.*\)/CONFIG_\1=y/p' $(srctree)/arch/x86/kvm/Kconfig > .config
	@$(MAKE) --no-print-directory -f $(srctree)/Makefile olddefconfig

olddefconfig: $(srctree)/arch/x86/kvm/Kconfig
	@mkdir -p include/config include/generated
	@sh $(srctree)/scripts/config.sh $(srctree)

headers:
	@mkdir -p usr/include/linux
	@cp $(srctree)/include/uapi/linux/*.h usr/include/linux/

%.ko: FORCE
	@sh $(srctree)/scripts/cc.sh $(srctree) $@ modpost

# a tree may have a table that a header is made from, and a source that `prepare` itself compiles
table := $(if $(wildcard $(srctree)/kernel/calls.tbl),include/generated/calls.h)
bounds := $(if $(wildcard $(srctree)/kernel/bounds.c),kernel/bounds.o)
prepare: include/generated/autoconf.h $(table) $(bounds)
include/generated/calls.h: $(srctree)/kernel/calls.tbl
	@mkdir -p include/generated
	@sed 's/^/#define /' $< > $@
	@echo 'cmd_$@ := sed s/^/x/ $< > $@' > include/generated/.calls.h.cmd
$(bounds): $(srctree)/kernel/bounds.c
	@mkdir -p kernel
	@sh $(srctree)/scripts/cc.sh $(srctree) $@ $(CC) $(CFLAGS_ALL)
include/generated/autoconf.h: .config $(srctree)/arch/x86/kvm/Kconfig
	@$(MAKE) --no-print-directory -f $(srctree)/Makefile olddefconfig

ifneq ($(filter arch/x86/kvm/ kernel/%.o drivers/%.o,$(MAKECMDGOALS)),)
include $(srctree)/arch/x86/kvm/Makefile
objects := $(patsubst ../../../virt/kvm/%,virt/kvm/%,$(obj-y))
objects := $(foreach o,$(objects),$(if $(filter virt/%,$(o)),$(o),arch/x86/kvm/$(o)))
arch/x86/kvm/: $(objects)
objects := $(sort $(objects) kernel/sched.o kernel/fork.o drivers/net/dummy.o \
	$(filter kernel/%.o drivers/%.o,$(MAKECMDGOALS)))
-include $(foreach o,$(objects),$(dir $(o)).$(notdir $(o)).dep)

$(objects): %.o: $(srctree)/%.c include/generated/autoconf.h $(table)
	@mkdir -p $(dir $@)
	@echo "  CC      $@"
	@FAULT="$(FAULT)" sh $(srctree)/scripts/cc.sh $(srctree) $@ $(CC) $(CFLAGS_ALL)
endif
FORCE:
.PHONY: FORCE arch/x86/kvm/ prepare olddefconfig allmodconfig headers
endif
"""

CONFIG_SH = r"""# .config -> the options that Kconfig knows, last word wins; then auto.conf and autoconf.h
src=$1
sed -n 's/^# UNMET /WARNING: unmet direct dependencies detected for /p' $src/arch/x86/kvm/Kconfig >&2
awk '/^config /{print $2}' $src/arch/x86/kvm/Kconfig > .known
awk 'FNR==NR{known["CONFIG_" $1]=1; next}
     match($0,/^CONFIG_[A-Z0-9_]+=/){n=substr($0,1,RLENGTH-1); v[n]=substr($0,RLENGTH+1); next}
     /^# CONFIG_[A-Z0-9_]+ is not set/{v[$2]="n"}
     END{for(n in v) if(n in known) print (v[n]=="n" ? "# " n " is not set" : n "=" v[n])}' .known .config |
  sort > .config.new
mv .config.new .config
rm -f .known
grep '=' .config > include/config/auto.conf
printf 'deps_config := \\\n\t%s/arch/x86/kvm/Kconfig \\\n' "$src" > include/config/auto.conf.cmd
sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=y$/#define \1 1/p' .config > .autoconf.new
cmp -s .autoconf.new include/generated/autoconf.h || cp .autoconf.new include/generated/autoconf.h
rm -f .autoconf.new
touch -c include/generated/autoconf.h
"""

CC_SH = r"""# one object: faults on request, then the real compiler and a .cmd file as kbuild writes it
src=$1 obj=$2; shift 2
c=$src/${obj%.o}.c
dir=$(dirname $obj); base=$(basename $obj); d=$dir/.$base.d
fault=$FAULT$(sed -n 's/.*BACKPORT_FAULT(\([a-z]*\)).*/\1/p' $c 2>/dev/null | head -1)
case "$fault" in
ice) echo "$c:1:1: internal compiler error: in expand_expr, at expr.c:123" >&2
     echo "Please submit a full bug report," >&2; exit 1;;
kill) echo "gcc: fatal error: Killed signal terminated program cc1" >&2; echo "compilation terminated." >&2; exit 1;;
oom) echo "cc1: out of memory allocating 65536 bytes after a total of 1000 bytes" >&2; exit 1;;
nospace) echo "$c:1:1: fatal error: error writing to /tmp/x.s: No space left on device" >&2; exit 1;;
skew) echo "make[1]: warning:  Clock skew detected.  Your build may be incomplete." >&2;;
notool) echo "/bin/sh: 1: flex: not found" >&2; exit 127;;
hang) sleep 600;;
esac
"$@" -Wp,-MMD,$d -DKBUILD_BASENAME='"x"' -c -o $obj $c || exit 1
sed "1s|^[^:]*:|$obj:|" $d > $dir/.$base.dep
{ echo "cmd_$obj := $* -Wp,-MMD,$d -DKBUILD_BASENAME='\"x\"' -c -o $obj $c"; echo; echo "source_$obj := $c"; echo
  echo "deps_$obj := \\"
  sed -e 's/^[^:]*: *//' -e 's/\\$//' $d | tr ' ' '\n' | sed -e '/^$/d' -e 's/$/ \\/' -e 's/^/  /'
  echo; } > $dir/.$base.cmd
"""

KCONFIG = """config KVM
	tristate "KVM"
config KVM_INTEL
	tristate "Intel"
config KVM_AMD
	tristate "AMD"
config KVM_XEN
	bool "Xen"
config KVM_SMM
	bool "SMM"
config EXPERT
	bool "Expert"
config DUMMY
	tristate "A driver that the defconfig leaves out"
"""

KVM_MAKEFILE = """obj-y := x86.o ../../../virt/kvm/kvm_main.o
obj-$(CONFIG_KVM_XEN) += xen.o
obj-$(CONFIG_KVM_TDX) += tdx.o
"""

# as the kernel's lib.mk: programs below $(OUTPUT), and quiet
LIB_MK = r"""CC := $(CROSS_COMPILE)gcc
all: $(patsubst %,$(OUTPUT)/%,$(TEST_GEN_PROGS))
$(OUTPUT)/%: %.c ../kselftest.h
	@$(CC) $(CFLAGS) $(KHDR_INCLUDES) $< $(LDLIBS) -o $@
"""

X86_C = """#include "x86.h"
#include <linux/kvm_host.h>

int kvm_has_xen = KVM_CAP_XEN;

int kvm_vcpu_ready(struct kvm_vcpu *vcpu)
{
	if (vcpu->pending)
		return -16;
	return kvm_clamp(vcpu->id);
}

#ifdef CONFIG_KVM_NEVER
static int kvm_never(struct kvm_vcpu *vcpu)
{
	return vcpu->id + 1;
}
#endif

int kvm_vcpu_reset(struct kvm_vcpu *vcpu, int event)
{
	vcpu->pending = 0;
	vcpu->injected = event;
	return 0;
}
"""

FILES: dict[str, str] = {
    "arch/x86/configs/x86_64_defconfig": "CONFIG_64BIT=y\n# CONFIG_KVM is not set\n",
    "arch/x86/configs/i386_defconfig": "# CONFIG_KVM is not set\n",
    "Kconfig": "source \"arch/$(SRCARCH)/kvm/Kconfig\"\n",
    "arch/x86/kvm/Kconfig": KCONFIG,
    "arch/x86/kvm/Makefile": KVM_MAKEFILE,
    "arch/x86/kvm/x86.c": X86_C,
    "arch/x86/kvm/x86.h": "#ifndef X86_H\n#define X86_H\n\n#define KVM_CAP_XEN 1\n\n"
                          "static inline int kvm_clamp(int value)\n{\n\treturn value < 0 ? 0 : value;\n}\n\n#endif\n",
    "arch/x86/kvm/xen.c": "#include \"x86.h\"\n\nint kvm_xen_write(int value)\n{\n\treturn kvm_clamp(value) + 1;\n}\n",
    "arch/x86/kvm/tdx.c": "int kvm_tdx_init(void)\n{\n\treturn 0;\n}\n",
    "virt/kvm/kvm_main.c": "#include <linux/kvm_host.h>\n\nint kvm_main_init(struct kvm_vcpu *vcpu)\n{\n"
                           "\tint unused;\n\n"
                           "\tvcpu->id = 0;\n\treturn 0;\n}\n",
    "include/linux/kvm_host.h": "#ifndef KVM_HOST_H\n#define KVM_HOST_H\n\nstruct kvm_vcpu {\n\tint id;\n"
                                "\tint pending;\n\tint injected;\n};\n\n#endif\n",
    "Documentation/virt/kvm/api.rst": "KVM\n===\n\nText.\n",
    "drivers/Makefile": "obj-y += net/\n",
    "drivers/net/Makefile": "obj-$(CONFIG_DUMMY) += dummy.o\n",
    "kernel/Makefile": "obj-y += core.o\ncore-objs := sched.o fork.o\n",
    "drivers/net/dummy.c": "#include \"dummy.h\"\n\nint dummy;\n",
    "drivers/net/dummy.h": "#define DUMMY_SIZE 4\n",
    "kernel/sched.c": "int sched_init(void)\n{\n\tint unused;\n\n\treturn 0;\n}\n",
    "kernel/fork.c": "int fork_init(void)\n{\n\treturn 0;\n}\n",
    "scripts/config.sh": CONFIG_SH,
    "scripts/cc.sh": CC_SH,
}

# beside these: a directory of selftests, with a warning in one program and two files that nobody lists
SELFTESTS: dict[str, str] = {
    "include/uapi/linux/kvm.h": "#define KVM_API_VERSION 12\n",
    "tools/testing/selftests/lib.mk": LIB_MK,
    "tools/testing/selftests/kselftest.h": "#define KSFT_PASS 0\n",
    "tools/testing/selftests/demo/Makefile": "CFLAGS += -Wall -O2\nTEST_PROGS := run.sh\n"
                                             "TEST_GEN_PROGS := demo noisy\n\ninclude ../lib.mk\n",
    "tools/testing/selftests/demo/demo.c": "#include <linux/kvm.h>\n#include \"../kselftest.h\"\n"
                                           "#include \"demo.h\"\n\nint main(void)\n{\n"
                                           "\treturn KVM_API_VERSION == DEMO ? KSFT_PASS : 1;\n}\n\n"
                                           "#ifdef DEMO_NEVER\nint never(void)\n{\n\treturn 1;\n}\n#endif\n",
    "tools/testing/selftests/demo/demo.h": "#define DEMO 12\n",
    "tools/testing/selftests/demo/noisy.c": "int main(void)\n{\n\tint unused;\n\n\treturn 0;\n}\n",
    "tools/testing/selftests/demo/stray.c": "int main(void)\n{\n\treturn 0;\n}\n",
    "tools/testing/selftests/demo/stray.h": "#define STRAY 1\n",
    "tools/testing/selftests/demo/run.sh": "#!/bin/sh\n./demo\n",
}


def fake_kernel(directory: Path, *, version: str = "6.1.1", files: Mapping[str, str] | None = None) -> str:
    """Make a git repository at `directory` that holds the mini kernel (with `files` over or beside its own).

    Returns the commit. `virt/kvm/kvm_main.c` warns about an unused variable, in the baseline already.
    """
    major, minor, patch = version.split(".")
    makefile = MAKEFILE.replace("@V@", major).replace("@P@", minor).replace("@S@", patch)
    everything = {"Makefile": makefile, **FILES, **(files or {})}
    for name, text in everything.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(directory, "init", "-q")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", f"Fake kernel {version}")
    return git(directory, "rev-parse", "HEAD")


def diff_of(directory: Path, edits: Mapping[str, str | None]) -> bytes:
    """`git diff` for new contents of some files (None deletes), the tree put back afterwards."""
    for name, text in edits.items():
        path = directory / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    git(directory, "add", "-A")
    out = subprocess.run(["git", "diff", "--cached"], cwd=directory, check=True, capture_output=True).stdout
    git(directory, "reset", "-q", "--hard")
    return out


def git(directory: Path, *args: str) -> str:
    """git in a test repository, as a made-up person."""
    done = subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *args],
                          cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()
