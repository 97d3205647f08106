// SPDX-License-Identifier: GPL-2.0-only
/* Library for reproducers; see repro.h. Linked statically, process 1 of the kernel under test. */
#define _GNU_SOURCE
#include "repro.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

static struct shared {
	int tests, passed, failed, ended;       /* ended: 1 done, 2 skipped, 3 bailed out */
} *count;

/* One write, then wait until the port has sent it: a kernel message cannot cut the line in two then. */
static void line(const char *format, va_list arguments, const char *before)
{
	char text[512];
	int used = snprintf(text, sizeof(text), "%s", before);

	used += vsnprintf(text + used, sizeof(text) - used - 1, format, arguments);
	if (used > (int)sizeof(text) - 2)
		used = sizeof(text) - 2;
	for (int i = 0; i < used; i++)          /* a verdict is one line, whatever the text holds */
		if (text[i] == '\n' || text[i] == '\r')
			text[i] = ' ';
	text[used++] = '\n';
	tcdrain(1);
	if (write(1, text, used) < 0)
		_exit(3);
	tcdrain(1);
}

static __attribute__((format(printf, 2, 3))) void say(const char *before, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line(format, arguments, before);
	va_end(arguments);
}

static bool verdict(bool holds, const char *kind, const char *what, va_list arguments)
{
	char before[48];

	count->tests++;
	*(holds ? &count->passed : &count->failed) += 1;
	snprintf(before, sizeof(before), "%sok %d - %s", holds ? "" : "not ", count->tests, kind);
	line(what, arguments, before);
	return holds;
}

bool expect(bool holds, const char *what, ...)
{
	va_list arguments;

	va_start(arguments, what);
	verdict(holds, "", what, arguments);
	va_end(arguments);
	return holds;
}

bool control(bool holds, const char *what, ...)
{
	va_list arguments;

	va_start(arguments, what);
	verdict(holds, "control: ", what, arguments);
	va_end(arguments);
	return holds;
}

void note(const char *what, ...)
{
	va_list arguments;

	va_start(arguments, what);
	line(what, arguments, "# ");
	va_end(arguments);
}

void skip(const char *why, ...)
{
	va_list arguments;

	va_start(arguments, why);
	line(why, arguments, "1..0 # SKIP ");
	va_end(arguments);
	count->ended = 2;
	_exit(0);
}

void bail(const char *why, ...)
{
	va_list arguments;

	va_start(arguments, why);
	line(why, arguments, "Bail out! ");
	va_end(arguments);
	count->ended = 3;
	_exit(1);
}

int kernel_log(const char *text)
{
	static char log[1 << 18];
	int size = klogctl(3, log, sizeof(log) - 1);    /* SYSLOG_ACTION_READ_ALL */
	int found = 0;

	if (size < 0)
		bail("the kernel's log cannot be read: %s", strerror(errno));
	log[size] = 0;
	for (char *at = log; (at = strstr(at, text)); at = strchr(at, '\n') ?: at + strlen(at))
		found++;
	return found;
}

int main(void)
{
	int status = 0;
	pid_t child;

	setvbuf(stdout, NULL, _IOLBF, 0);
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count == MAP_FAILED)
		_exit(3);
	say("", "TAP version 13");
	child = fork();
	if (!child) {
		reproduce();
		fflush(stdout);
		count->ended = 1;
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		say("", "Bail out! fork failed: %s", strerror(errno));
	else if (!count->ended && WIFSIGNALED(status))
		say("", "Bail out! the reproducer was killed by signal %d", WTERMSIG(status));
	else if (!count->ended)
		say("", "Bail out! the reproducer left with status %d in the middle", WEXITSTATUS(status));
	else if (count->ended == 1) {
		say("", "1..%d", count->tests);
		say("", "# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:0 error:0", count->passed, count->failed);
	}
	if (getpid() == 1)
		reboot(RB_AUTOBOOT);
	return 0;
}

/* --- the tiny guest ------------------------------------------------------------------------------------- */

static int must(int result, const char *what)
{
	if (result < 0)
		bail("%s: %s", what, strerror(errno));
	return result;
}

struct vm *vm_create(int flags)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(struct kvm_cpuid_entry2));
	struct kvm_userspace_memory_region region = { .memory_size = GUEST_MEMORY };
	int size;

	if (!vm || !cpuid)
		bail("out of memory");
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		skip("/dev/kvm cannot be opened: %s", strerror(errno));
	vm->fd = must(ioctl(vm->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000ul);          /* needed by Intel in real mode */
	if (flags & VM_IRQCHIP)
		must(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	vm->mem = mmap(NULL, GUEST_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm->mem == MAP_FAILED)
		bail("mmap of guest memory: %s", strerror(errno));
	region.userspace_addr = (uintptr_t)vm->mem;
	must(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	vm->vcpu = must(ioctl(vm->fd, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	size = must(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	vm->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		bail("mmap of kvm_run: %s", strerror(errno));
	cpuid->nent = 256;
	must(ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
	must(ioctl(vm->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	free(cpuid);
	return vm;
}

void guest_copy(struct vm *vm, uint64_t address, const void *data, size_t bytes)
{
	if (address > GUEST_MEMORY || bytes > GUEST_MEMORY - address)
		bail("guest_copy leaves the guest's memory: %#lx + %#lx", (long)address, (long)bytes);
	memcpy(vm->mem + address, data, bytes);
}

static void set_state(struct vm *vm, const struct kvm_sregs *sregs, uint64_t rsp)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rsp = rsp, .rflags = 2 };

	must(ioctl(vm->vcpu, KVM_SET_SREGS, sregs), "KVM_SET_SREGS");
	must(ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

void vm_real_mode(struct vm *vm)
{
	struct kvm_regs regs = { .rip = GUEST_CODE & 0xffff, .rsp = 0xf000, .rflags = 2 };
	struct kvm_sregs sregs;

	must(ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.selector = GUEST_CODE >> 4;
	sregs.cs.base = GUEST_CODE;
	must(ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	must(ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool code)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type, .present = 1, .s = 1, .g = 1,
		.l = code, .db = !code,
	};
}

/* mov $vector,%al; out %al,$0xee; hlt; jmp back to the hlt */
static void stub(uint8_t *at, uint8_t vector)
{
	memcpy(at, (uint8_t[]){ 0xb0, vector, 0xe6, GUEST_FAULT_PORT, 0xf4, 0xeb, 0xfd }, 7);
}

void vm_long_mode(struct vm *vm)
{
	uint64_t *gdt = (void *)(vm->mem + GUEST_GDT);
	uint64_t *pml4 = (void *)(vm->mem + GUEST_PAGE_TABLES);
	uint64_t *pdpt = pml4 + 512, *pd = pdpt + 512;
	struct kvm_sregs sregs;

	must(ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	gdt[1] = 0x00af9b000000ffffull;         /* 8: 64-bit code */
	gdt[2] = 0x00cf93000000ffffull;         /* 16: data */
	gdt[3] = 0x00008b0000000067ull | (uint64_t)(GUEST_TSS & 0xffff) << 16;  /* 24: task state, low half */
	gdt[4] = 0;
	for (int vector = 0; vector < 256; vector++) {
		uint64_t handler = GUEST_STUBS + 16 * (vector & 0xff);
		uint64_t *gate = (void *)(vm->mem + GUEST_IDT + 16 * vector);

		stub(vm->mem + handler, vector);
		gate[0] = (handler & 0xffff) | 8 << 16 | 0x8e00ull << 32 | (handler >> 16) << 48;
		gate[1] = 0;
	}
	pml4[0] = (GUEST_PAGE_TABLES + 0x1000) | 7;
	pdpt[0] = (GUEST_PAGE_TABLES + 0x2000) | 7;
	for (int i = 0; i < 512; i++)
		pd[i] = (uint64_t)i << 21 | 0x87;
	sregs.cs = segment(8, 11, true);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment(16, 3, false);
	sregs.tr = (struct kvm_segment){ .base = GUEST_TSS, .limit = 0x67, .selector = 24, .type = 11, .present = 1 };
	sregs.gdt = (struct kvm_dtable){ .base = GUEST_GDT, .limit = 39 };
	sregs.idt = (struct kvm_dtable){ .base = GUEST_IDT, .limit = 0xfff };
	sregs.cr0 = 0x80000033;                 /* PG NE ET MP PE */
	sregs.cr3 = GUEST_PAGE_TABLES;
	sregs.cr4 = 0x620;                      /* PAE OSFXSR OSXMMEXCPT */
	sregs.efer = 0xd01;                     /* NXE LMA LME SCE */
	set_state(vm, &sregs, GUEST_STACK);
	sregs.efer |= 0x1000;                   /* SVME where KVM offers it */
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs) < 0)
		note("no SVM for the guest: KVM refuses EFER.SVME");
}

struct exit vm_run(struct vm *vm)
{
	struct exit e = { .kind = EXIT_OTHER };
	struct kvm_run *run = vm->run;
	uint8_t *data = NULL;

	if (ioctl(vm->vcpu, KVM_RUN, 0) < 0) {
		e.error = errno;
		e.where = run->exit_reason;
		snprintf(e.text, sizeof(e.text), "KVM_RUN: %s", strerror(e.error));
		return e;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		data = (uint8_t *)run + run->io.data_offset;
		e.kind = run->io.direction == KVM_EXIT_IO_OUT ? EXIT_OUT : EXIT_IN;
		e.where = run->io.port;
		e.bytes = run->io.size * run->io.count;
		if (e.kind == EXIT_OUT && e.where == GUEST_FAULT_PORT) {
			e.kind = EXIT_FAULT;
			e.where = *data;
			snprintf(e.text, sizeof(e.text), "exception %d in the guest", *data);
			return e;
		}
		break;
	case KVM_EXIT_MMIO:
		data = run->mmio.data;
		e.kind = run->mmio.is_write ? EXIT_MMIO_WRITE : EXIT_MMIO_READ;
		e.where = run->mmio.phys_addr;
		e.bytes = run->mmio.len;
		break;
	case KVM_EXIT_HLT:
		e.kind = EXIT_HLT;
		snprintf(e.text, sizeof(e.text), "hlt");
		return e;
	case KVM_EXIT_SHUTDOWN:
		e.kind = EXIT_SHUTDOWN;
		snprintf(e.text, sizeof(e.text), "shutdown (triple fault)");
		return e;
	default:
		e.where = run->exit_reason;
		snprintf(e.text, sizeof(e.text), "exit reason %u%s", run->exit_reason,
			 run->exit_reason == KVM_EXIT_INTERNAL_ERROR ? " (KVM internal error)" :
			 run->exit_reason == KVM_EXIT_FAIL_ENTRY ? " (entry failed)" : "");
		return e;
	}
	if (e.kind == EXIT_OUT || e.kind == EXIT_MMIO_WRITE)
		memcpy(&e.value, data, e.bytes < 8 ? e.bytes : 8);
	snprintf(e.text, sizeof(e.text), "%s %#llx, %u bytes, value %#llx",
		 e.kind == EXIT_OUT ? "out to port" : e.kind == EXIT_IN ? "in from port" :
		 e.kind == EXIT_MMIO_WRITE ? "write to" : "read from",
		 (unsigned long long)e.where, e.bytes, (unsigned long long)e.value);
	return e;
}

struct one_msr { struct kvm_msrs head; struct kvm_msr_entry entry; };

int vm_get_msr(struct vm *vm, uint32_t index, uint64_t *value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry.index = index };
	int result = ioctl(vm->vcpu, KVM_GET_MSRS, &msr);

	*value = msr.entry.data;
	return result;
}

int vm_set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
	struct one_msr msr = { .head.nmsrs = 1, .entry = { .index = index, .data = value } };

	return ioctl(vm->vcpu, KVM_SET_MSRS, &msr);
}

/* --- nested guests -------------------------------------------------------------------------------------- */

static struct vmcb_seg seg(uint16_t selector, uint16_t attrib, uint32_t limit, uint64_t base)
{
	return (struct vmcb_seg){ selector, attrib, limit, base };
}

struct vmcb *vmcb_init(struct vm *vm)
{
	struct vmcb *vmcb = (void *)(vm->mem + GUEST_VMCB);
	struct kvm_sregs sregs;

	_Static_assert(sizeof(struct vmcb) == 4096, "VMCB is a page");
	_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "control area");
	_Static_assert(offsetof(struct vmcb, efer) == 0x4d0 && offsetof(struct vmcb, rip) == 0x578, "save area");
	_Static_assert(offsetof(struct vmcb, cr2) == 0x640 && offsetof(struct vmcb, pat) == 0x668, "save area");
	must(ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	if (!(sregs.efer & 0x1000))
		skip("KVM does not offer SVM to its guests here");
	must(vm_set_msr(vm, 0xc0010117, GUEST_HSAVE), "MSR_VM_HSAVE_PA");
	memset(vmcb, 0, sizeof(*vmcb));
	vmcb->intercepts[3] = SVM_INTERCEPT_HLT | SVM_INTERCEPT_SHUTDOWN;
	vmcb->intercepts[4] = SVM_INTERCEPT_VMRUN | SVM_INTERCEPT_VMMCALL;
	vmcb->asid = 1;
	vmcb->cs = seg(8, 0xa9b, 0xffffffff, 0);
	vmcb->ds = vmcb->es = vmcb->ss = vmcb->fs = vmcb->gs = seg(16, 0xc93, 0xffffffff, 0);
	vmcb->tr = seg(24, 0x8b, 0x67, GUEST_TSS);
	vmcb->gdtr = seg(0, 0, 39, GUEST_GDT);
	vmcb->idtr = seg(0, 0, 0xfff, GUEST_IDT);
	vmcb->efer = sregs.efer;
	vmcb->cr0 = sregs.cr0;
	vmcb->cr3 = sregs.cr3;
	vmcb->cr4 = sregs.cr4;
	vmcb->dr6 = 0xffff0ff0;
	vmcb->dr7 = 0x400;
	vmcb->rflags = 2;
	vmcb->rip = GUEST_L2_CODE;
	vmcb->rsp = GUEST_L2_STACK;
	vmcb->pat = 0x0007040600070406ull;
	return vmcb;
}

int nested_state(struct vm *vm, struct vmcb *vmcb)
{
	static uint8_t buffer[sizeof(struct kvm_nested_state) + sizeof(struct vmcb)];
	struct kvm_nested_state *state = (void *)buffer;

	memset(buffer, 0, sizeof(buffer));
	state->size = sizeof(buffer);
	if (ioctl(vm->vcpu, KVM_GET_NESTED_STATE, state) < 0)
		return -1;
	if (vmcb)
		memcpy(vmcb, state->data.svm, sizeof(*vmcb));
	return state->flags;
}
