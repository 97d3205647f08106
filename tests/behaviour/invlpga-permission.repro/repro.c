/* INVLPGA without EFER.SVME is an invalid opcode. */
#include "repro.h"

GUEST64(code, "xor %eax, %eax\nxor %ecx, %ecx\ninvlpga %rax, %ecx\nout %al, $0x80\nhlt\n");

static struct exit run(bool svme)
{
	struct vm *vm = vm_create(0);
	struct kvm_sregs sregs;

	vm_long_mode(vm);
	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs) || !(sregs.efer & 0x1000))
		skip("KVM does not offer SVM to its guests here");
	sregs.efer &= svme ? ~0ull : ~0x1000ull;
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs))
		bail("KVM_SET_SREGS: %s", strerror(errno));
	guest_load(vm, GUEST_CODE, code);
	return vm_run(vm);
}

void reproduce(void)
{
	struct exit e = run(true);

	control(e.kind == EXIT_OUT && e.where == 0x80, "with EFER.SVME it executes: %s", e.text);
	e = run(false);
	expect(e.kind == EXIT_FAULT && e.where == 6, "without EFER.SVME it is #UD: %s", e.text);
}
