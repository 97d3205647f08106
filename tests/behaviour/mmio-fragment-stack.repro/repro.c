/* ENTER pushes RBP to a stack in MMIO that crosses a page: two exits, and the second one's bytes must be RBP's, not
 * what has become of the kernel's stack since. */
#include "repro.h"

GUEST64(push, "movabs $0x1122334455667788, %rbp\n"
	      "mov $0x10001005, %esp\n"         /* 8 bytes below: 3 before the page's end, 5 behind it */
	      "enter $0, $0\n"
	      "hlt\n");

void reproduce(void)
{
	struct vm *vm = vm_create(0);
	struct exit e;

	vm_long_mode(vm);
	guest_load(vm, GUEST_CODE, push);
	e = vm_run(vm);
	control(e.kind == EXIT_MMIO_WRITE && e.where == 0x10000ffd && e.bytes == 3 && e.value == 0x667788,
		"first part: %s", e.text);
	e = vm_run(vm);
	control(e.kind == EXIT_MMIO_WRITE && e.where == 0x10001000 && e.bytes == 5, "second part is there");
	expect(e.value == 0x1122334455, "second part: %s", e.text);
}
