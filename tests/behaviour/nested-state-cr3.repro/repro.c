/* KVM_SET_NESTED_STATE with a CR3 that is not legal must be refused without a warning in the host's log. */
#include "repro.h"

GUEST64(l1, GUEST_VMRUN_ONCE);
GUEST64(l2, "out %al, $0x81\nvmmcall\n");

void reproduce(void)
{
	static union { struct kvm_nested_state state; uint8_t bytes[sizeof(struct kvm_nested_state) + 4096]; } saved;
	struct vm *vm = vm_create(0);
	struct kvm_sregs sregs;
	int result;

	vm_long_mode(vm);
	vmcb_init(vm);
	guest_load(vm, GUEST_CODE, l1);
	guest_load(vm, GUEST_L2_CODE, l2);
	vm_run(vm);
	saved.state.size = sizeof(saved);
	control(!ioctl(vm->vcpu, KVM_GET_NESTED_STATE, &saved) && saved.state.flags & KVM_STATE_NESTED_GUEST_MODE,
		"the state of a running nested guest is read");

	vm = vm_create(0);
	vm_long_mode(vm);
	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
		bail("KVM_GET_SREGS: %s", strerror(errno));
	sregs.cr0 &= ~0x80000000ull;            /* without paging KVM_SET_SREGS takes any CR3 */
	sregs.efer &= ~0x500ull;
	sregs.cs.l = 0;
	sregs.cr3 = 1ull << 51;
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs))
		bail("KVM_SET_SREGS with that CR3: %s", strerror(errno));
	result = ioctl(vm->vcpu, KVM_SET_NESTED_STATE, &saved);
	control(result && errno == EINVAL, "KVM_SET_NESTED_STATE is refused (%d, %s)", result, strerror(errno));
	expect(!kernel_log("WARNING:"), "without a warning");
}
