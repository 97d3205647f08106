/* A VMRUN that fails its consistency checks is a #VMEXIT like any other: it clears the global interrupt flag. */
#include "repro.h"

GUEST64(l1, GUEST_VMRUN_ONCE);
GUEST64(l2, "vmmcall\n");

static int run(struct vm *vm, struct vmcb **vmcb, unsigned asid)
{
	vm_long_mode(vm);
	*vmcb = vmcb_init(vm);
	(*vmcb)->asid = asid;
	guest_load(vm, GUEST_CODE, l1);
	guest_load(vm, GUEST_L2_CODE, l2);
	return vm_run(vm).kind == EXIT_OUT ? nested_state(vm, NULL) : -1;
}

void reproduce(void)
{
	struct vmcb *vmcb;
	int flags = run(vm_create(0), &vmcb, 1);

	control(flags >= 0 && vmcb->exit_code == SVM_EXIT_VMMCALL && !(flags & KVM_STATE_NESTED_GIF_SET),
		"a good VMRUN exits with VMMCALL and GIF clear (flags %#x)", flags);
	flags = run(vm_create(0), &vmcb, 0);    /* address space 0 is the host's: not allowed */
	control(flags >= 0 && vmcb->exit_code == SVM_EXIT_ERR, "a VMRUN with ASID 0 fails");
	expect(!(flags & KVM_STATE_NESTED_GIF_SET), "GIF is clear after the failed VMRUN (flags %#x)", flags);
}
