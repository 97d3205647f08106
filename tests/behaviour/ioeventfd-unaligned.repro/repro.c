/* A 16-byte store that crosses a page by 15 bytes hands KVM an odd pointer; an ioeventfd with a value to match at that
 * page must compare it, not stop the host with BUG_ON. */
#include "repro.h"

#include <sys/eventfd.h>

GUEST64(store, "movups 0x60000, %xmm0\n"
	       "mov $0x10000fff, %edi\n"
	       "movups %xmm0, (%rdi)\n"
	       "hlt\n");

void reproduce(void)
{
	struct vm *vm = vm_create(0);
	struct kvm_ioeventfd event = {
		.addr = 0x10001000, .len = 8, .datamatch = 0x0908070605040302ull, .flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	uint64_t signals = 0;
	struct exit e;

	vm_long_mode(vm);
	for (int i = 0; i < 16; i++)
		vm->mem[GUEST_DATA + i] = i + 1;
	guest_load(vm, GUEST_CODE, store);
	event.fd = eventfd(0, EFD_NONBLOCK);
	control(ioctl(vm->fd, KVM_IOEVENTFD, &event) == 0, "the eventfd is there");
	e = vm_run(vm);                         /* an unfixed kernel dies here */
	expect(e.kind == EXIT_MMIO_WRITE && e.where == 0x10000fff && e.bytes == 1, "first byte: %s", e.text);
	e = vm_run(vm);
	expect(e.kind == EXIT_MMIO_WRITE && e.where == 0x10001008 && e.bytes == 7, "last seven: %s", e.text);
	expect(read(event.fd, &signals, 8) == 8 && signals == 1, "the eight between them signal the eventfd once");
}
