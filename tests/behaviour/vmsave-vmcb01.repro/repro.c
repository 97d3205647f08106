/* VMSAVE of a nested guest whose hypervisor does not intercept it saves the processor's state, which KVM keeps in the
 * first-level VMCB whichever guest runs. */
#include "repro.h"

enum { KERNEL_GS_BASE = 0xc0000102, LSTAR = 0xc0000082 };

GUEST64(l1, GUEST_VMRUN_ONCE);
GUEST64(l2, "mov $0x60000, %eax\nvmsave %rax\nvmmcall\n");

void reproduce(void)
{
	struct vm *vm = vm_create(0);
	struct vmcb *vmcb, *saved = (void *)(vm->mem + GUEST_DATA);
	struct exit e;

	vm_long_mode(vm);
	vmcb = vmcb_init(vm);
	if (vm_set_msr(vm, KERNEL_GS_BASE, 0x12345000) != 1 || vm_set_msr(vm, LSTAR, 0x6789a000) != 1)
		bail("KVM_SET_MSRS: %s", strerror(errno));
	guest_load(vm, GUEST_CODE, l1);
	guest_load(vm, GUEST_L2_CODE, l2);
	e = vm_run(vm);
	control(e.kind == EXIT_OUT && vmcb->exit_code == SVM_EXIT_VMMCALL, "the nested guest ran: %s", e.text);
	expect(saved->kernel_gs_base == 0x12345000, "VMSAVE stores KERNEL_GS_BASE (%#llx)",
	       (unsigned long long)saved->kernel_gs_base);
	expect(saved->lstar == 0x6789a000, "VMSAVE stores LSTAR (%#llx)", (unsigned long long)saved->lstar);
}
