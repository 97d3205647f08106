/* VMRUN with nested paging and a page table beyond the physical address width is an invalid VMCB. */
#include "repro.h"

GUEST64(l1, GUEST_VMRUN_ONCE);
GUEST64(l2, "vmmcall\n");

static struct vmcb *run(uint64_t nested_cr3)
{
	struct vm *vm = vm_create(0);
	struct vmcb *vmcb;

	vm_long_mode(vm);
	vmcb = vmcb_init(vm);
	vmcb->nested_control = 1;
	vmcb->nested_cr3 = nested_cr3;
	guest_load(vm, GUEST_CODE, l1);
	guest_load(vm, GUEST_L2_CODE, l2);
	note("%s", vm_run(vm).text);
	return vmcb;
}

void reproduce(void)
{
	struct vmcb *vmcb = run(GUEST_PAGE_TABLES);

	control(vmcb->exit_code == SVM_EXIT_VMMCALL, "nested paging works: exit %#llx",
		(unsigned long long)vmcb->exit_code);
	vmcb = run(1ull << 51 | GUEST_PAGE_TABLES);
	expect(vmcb->exit_code == SVM_EXIT_ERR, "an illegal nested CR3 is refused: exit %#llx",
	       (unsigned long long)vmcb->exit_code);
}
