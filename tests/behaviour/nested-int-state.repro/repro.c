/* KVM_GET_NESTED_STATE while a nested guest runs must give the interrupt shadow as it is now, not as VMRUN found it. */
#include "repro.h"

GUEST64(l1, GUEST_VMRUN_ONCE);
GUEST64(l2, "nop\nnop\nout %al, $0x81\nvmmcall\n");

void reproduce(void)
{
	struct vm *vm = vm_create(0);
	struct vmcb *vmcb, now;
	struct exit e;
	int flags;

	vm_long_mode(vm);
	vmcb = vmcb_init(vm);
	vmcb->int_state = 1;                    /* VMRUN starts in the shadow of an STI; one instruction ends it */
	guest_load(vm, GUEST_CODE, l1);
	guest_load(vm, GUEST_L2_CODE, l2);
	e = vm_run(vm);
	flags = nested_state(vm, &now);
	control(e.kind == EXIT_OUT && e.where == 0x81 && flags >= 0 && flags & KVM_STATE_NESTED_GUEST_MODE,
		"the nested guest runs: %s", e.text);
	expect(now.int_state == 0, "no interrupt shadow two instructions later (saved: %#llx)",
	       (unsigned long long)now.int_state);
}
