/* KVM_SET_GUEST_DEBUG must not queue #DB or #BP on top of an exception that is being injected: the two combine into a
 * double fault. Asked to, it must say EBUSY. */
#include "repro.h"

/* What KVM_SET_GUEST_DEBUG says (0 or errno) while #GP is being injected, or while nothing is. */
static int debug(bool injecting, unsigned control)
{
	struct vm *vm = vm_create(0);
	struct kvm_guest_debug debug = { .control = control };
	struct kvm_vcpu_events events;

	if (ioctl(vm->vcpu, KVM_GET_VCPU_EVENTS, &events))
		bail("KVM_GET_VCPU_EVENTS: %s", strerror(errno));
	events.exception.injected = injecting;
	events.exception.nr = 13;
	if (ioctl(vm->vcpu, KVM_SET_VCPU_EVENTS, &events))
		bail("KVM_SET_VCPU_EVENTS: %s", strerror(errno));
	return ioctl(vm->vcpu, KVM_SET_GUEST_DEBUG, &debug) ? errno : 0;
}

void reproduce(void)
{
	const unsigned on = KVM_GUESTDBG_ENABLE, db = on | KVM_GUESTDBG_INJECT_DB, bp = on | KVM_GUESTDBG_INJECT_BP;
	int quiet_db = debug(false, db), quiet_bp = debug(false, bp), neither = debug(true, on);
	int busy_db = debug(true, db), busy_bp = debug(true, bp);

	control(quiet_db == 0, "#DB with nothing injected: %s", strerror(quiet_db));
	control(quiet_bp == 0, "#BP with nothing injected: %s", strerror(quiet_bp));
	control(neither == 0, "neither while #GP is injected: %s", strerror(neither));
	expect(busy_db == EBUSY, "#DB while #GP is injected is EBUSY: %s", strerror(busy_db));
	expect(busy_bp == EBUSY, "#BP while #GP is injected is EBUSY: %s", strerror(busy_bp));
}
