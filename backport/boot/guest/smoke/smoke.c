// SPDX-License-Identifier: GPL-2.0-only
/* For patches without a reproducer: KVM loads, and a guest runs in every way the library knows. */
#include "repro.h"

GUEST16(real, "mov $0x1234, %ax\nout %ax, $0x80\nhlt\n");
GUEST64(fault, "mov $0x42, %al\nout %al, $0x80\nud2\n");
GUEST64(mmio, "mov $0x10000000, %edi\nmovl $0x55, (%rdi)\nmov (%rdi), %eax\nout %eax, $0x80\nhlt\n");
GUEST64(l1, GUEST_VMRUN_ONCE);
GUEST64(l2, "mov $0x77, %eax\nvmmcall\n");

static void real_mode(void)
{
	struct vm *vm = vm_create(0);
	struct exit e;

	vm_real_mode(vm);
	guest_load(vm, GUEST_CODE, real);
	e = vm_run(vm);
	expect(e.kind == EXIT_OUT && e.value == 0x1234, "real mode: %s", e.text);
	e = vm_run(vm);
	expect(e.kind == EXIT_HLT, "real mode: %s", e.text);
}

static void long_mode(int flags, const char *what)
{
	struct vm *vm = vm_create(flags);
	struct exit e;

	vm_long_mode(vm);
	guest_load(vm, GUEST_CODE, fault);
	e = vm_run(vm);
	expect(e.kind == EXIT_OUT && e.value == 0x42, "%s: %s", what, e.text);
	e = vm_run(vm);
	expect(e.kind == EXIT_FAULT && e.where == 6, "%s: %s", what, e.text);
}

static void memory_mapped(void)
{
	struct vm *vm = vm_create(0);
	struct exit e;

	vm_long_mode(vm);
	guest_load(vm, GUEST_CODE, mmio);
	e = vm_run(vm);
	expect(e.kind == EXIT_MMIO_WRITE && e.where == 0x10000000 && e.value == 0x55, "MMIO: %s", e.text);
	e = vm_run(vm);
	expect(e.kind == EXIT_MMIO_READ && e.where == 0x10000000, "MMIO: %s", e.text);
	memset(vm->run->mmio.data, 0x66, 4);
	e = vm_run(vm);
	expect(e.kind == EXIT_OUT && e.value == 0x66666666, "MMIO: %s", e.text);
}

static void nested(void)
{
	struct vm *vm = vm_create(0);
	struct vmcb *vmcb;
	struct exit e;

	vm_long_mode(vm);
	vmcb = vmcb_init(vm);
	guest_load(vm, GUEST_CODE, l1);
	guest_load(vm, GUEST_L2_CODE, l2);
	e = vm_run(vm);
	expect(e.kind == EXIT_OUT && vmcb->exit_code == SVM_EXIT_VMMCALL && vmcb->rax == 0x77,
	       "nested guest: exit %#llx, %s", (unsigned long long)vmcb->exit_code, e.text);
}

void reproduce(void)
{
	real_mode();
	long_mode(0, "long mode");
	long_mode(VM_IRQCHIP, "long mode with an APIC");
	memory_mapped();
	nested();
	expect(!kernel_log("WARNING:"), "the kernel printed no warning");
}
