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
	const unsigned db = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB, bp = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP;
	int got;

	control((got = debug(false, db)) == 0, "#DB with nothing injected: %s", strerror(got));
	control((got = debug(false, bp)) == 0, "#BP with nothing injected: %s", strerror(got));
	control((got = debug(true, KVM_GUESTDBG_ENABLE)) == 0, "no exception asked for: %s", strerror(got));
	expect((got = debug(true, db)) == EBUSY, "#DB while #GP is injected is EBUSY: %s", strerror(got));
	expect((got = debug(true, bp)) == EBUSY, "#BP while #GP is injected is EBUSY: %s", strerror(got));
}
