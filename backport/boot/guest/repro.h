/* SPDX-License-Identifier: GPL-2.0-only */
/* What a reproducer includes: TAP output, and a small virtual machine to run guest code in.
 *
 * A reproducer defines reproduce(); the library has main(), runs as process 1 of the kernel under test, and
 * ends the machine. It never runs on the host. See docs/behaviour.md.
 */
#ifndef BACKPORT_REPRO_H
#define BACKPORT_REPRO_H

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void reproduce(void);

/* --- verdicts: one TAP line each ------------------------------------------------------------------------ */

#define FORMAT __attribute__((format(printf, 2, 3)))
/* What must hold on a fixed kernel. `not ok` without the patch is the bug. Returns `holds`. */
bool expect(bool holds, const char *what, ...) FORMAT;
/* What must hold on every kernel, with and without the patch: proves that the reproducer itself works. */
bool control(bool holds, const char *what, ...) FORMAT;
/* A line for people; changes no verdict. */
void note(const char *what, ...) __attribute__((format(printf, 1, 2)));
/* This machine or kernel cannot show it: ends the reproducer, the cell says `not testable here`. */
void skip(const char *why, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The reproducer itself failed: ends it, the cell says `error`. */
void bail(const char *why, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* How many lines of the kernel's log hold `text`, "WARNING:" for example. */
int kernel_log(const char *text);

/* --- the tiny guest: one vCPU, identity-mapped memory from address 0 ------------------------------------ */

enum {
	GUEST_MEMORY = 8 << 20,         /* bytes of memory; what lies above is MMIO */
	GUEST_IDT = 0x1000,             /* tables the library makes, all below 64 KiB */
	GUEST_GDT = 0x2000,
	GUEST_TSS = 0x3000,
	GUEST_STUBS = 0x4000,           /* exception handlers: vector V reports itself and stops, see FAULT */
	GUEST_PAGE_TABLES = 0x5000,     /* PML4, PDPT, PD: 2 MiB pages over the first GiB */
	GUEST_STACK = 0x10000,          /* top of the stack, grows down */
	GUEST_CODE = 0x10000,           /* where guest_load puts code */
	GUEST_L2_STACK = 0x40000,
	GUEST_L2_CODE = 0x40000,        /* where vmcb_init expects the nested guest's code */
	GUEST_VMCB = 0x50000,           /* the VMCB that vmcb_init fills */
	GUEST_HSAVE = 0x51000,
	GUEST_DATA = 0x60000,           /* 64 KiB for the reproducer */
	GUEST_FAULT_PORT = 0xee,
};

/* Guest code as assembly; `name` is then usable with guest_load(). Bits: 16 or 64. The constants above are
 * not visible inside; write numbers, or GUEST_STR(). */
#define GUEST_CODE_BLOCK(name, bits, text)                                                   \
	extern const unsigned char name[], name##_end[];                                     \
	__asm__(".pushsection .rodata\n.code" #bits "\n" #name ":\n" text "\n" #name "_end:\n" \
		".code64\n.popsection\n")
#define GUEST16(name, text) GUEST_CODE_BLOCK(name, 16, text)
#define GUEST64(name, text) GUEST_CODE_BLOCK(name, 64, text)

struct vm {
	int kvm, fd, vcpu;
	struct kvm_run *run;
	uint8_t *mem;                   /* guest-physical address 0 */
};

enum vm_flags { VM_IRQCHIP = 1 };       /* in-kernel APIC: HLT does not exit then, use an OUT to end */

/* A machine in reset state with every CPUID bit that KVM supports. Ends the reproducer where it fails. */
struct vm *vm_create(int flags);
/* Another vCPU setup for the same machine: 16-bit real mode, flat segments of base 0, at GUEST_CODE. */
void vm_real_mode(struct vm *vm);
/* 64-bit mode, ring 0, paging on (identity), all exception handlers in place, SVM enabled in EFER. */
void vm_long_mode(struct vm *vm);
#define guest_load(vm, address, name) guest_copy(vm, address, name, (size_t)(name##_end - name))
void guest_copy(struct vm *vm, uint64_t address, const void *data, size_t bytes);

enum exit_kind { EXIT_OUT, EXIT_IN, EXIT_HLT, EXIT_MMIO_WRITE, EXIT_MMIO_READ, EXIT_FAULT, EXIT_SHUTDOWN, EXIT_OTHER };
struct exit {
	enum exit_kind kind;
	uint64_t where;                 /* port, MMIO address, exception vector; KVM's exit reason of EXIT_OTHER */
	uint64_t value;                 /* what was written; error code of EXIT_FAULT */
	unsigned bytes;
	int error;                      /* errno of KVM_RUN, 0 where it succeeded */
	char text[96];                  /* the same for people */
};
/* Run until the guest leaves to user space. */
struct exit vm_run(struct vm *vm);

int vm_get_msr(struct vm *vm, uint32_t index, uint64_t *value);    /* 1 where it succeeded, as the ioctl */
int vm_set_msr(struct vm *vm, uint32_t index, uint64_t value);

/* --- nested guests (SVM) -------------------------------------------------------------------------------- */

struct vmcb_seg { uint16_t selector, attrib; uint32_t limit; uint64_t base; } __attribute__((packed));
/* AMD64 Architecture Programmer's Manual volume 2, appendix B; only what reproducers use. */
struct vmcb {
	uint32_t intercepts[6];         /* 0x000: CR, DR, exceptions, INTR.., VMRUN.., later */
	uint8_t pad0[0x040 - 0x018];
	uint64_t iopm, msrpm, tsc_offset;                               /* 0x040 */
	uint32_t asid;                                                  /* 0x058 */
	uint8_t tlb_control, pad1[3];
	uint64_t int_control, int_state;                                /* 0x060 */
	uint64_t exit_code, exit_info_1, exit_info_2, exit_int_info;    /* 0x070 */
	uint64_t nested_control;                                        /* 0x090 */
	uint8_t pad2[0x0a8 - 0x098];
	uint64_t event_injection, nested_cr3, virt_ext;                 /* 0x0a8 */
	uint32_t clean, pad3;                                           /* 0x0c0 */
	uint64_t next_rip;                                              /* 0x0c8 */
	uint8_t pad4[0x400 - 0x0d0];
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;   /* 0x400 */
	uint8_t pad5[0x4cb - 0x4a0];
	uint8_t cpl;                                                    /* 0x4cb */
	uint32_t pad6;
	uint64_t efer;                                                  /* 0x4d0 */
	uint8_t pad7[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;                  /* 0x548 */
	uint8_t pad8[0x5d8 - 0x580];
	uint64_t rsp;                                                   /* 0x5d8 */
	uint8_t pad9[0x5f8 - 0x5e0];
	uint64_t rax, star, lstar, cstar, sfmask, kernel_gs_base;       /* 0x5f8 */
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;          /* 0x628 */
	uint8_t pad10[0x668 - 0x648];
	uint64_t pat;                                                   /* 0x668 */
	uint8_t pad11[0x1000 - 0x670];
} __attribute__((packed));

enum {                                  /* intercepts[3] and [4], and exit codes */
	SVM_INTERCEPT_HLT = 1 << 24, SVM_INTERCEPT_SHUTDOWN = 1u << 31,
	SVM_INTERCEPT_VMRUN = 1 << 0, SVM_INTERCEPT_VMMCALL = 1 << 1,
	SVM_EXIT_HLT = 0x78, SVM_EXIT_VMMCALL = 0x81, SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_ERR (~0ull)

/* Fill GUEST_VMCB: a nested guest in the same 64-bit environment that starts at GUEST_L2_CODE and exits at
 * VMMCALL and HLT. Call after vm_long_mode(). Skips where KVM does not offer SVM. */
struct vmcb *vmcb_init(struct vm *vm);
/* The control area (0x400 bytes of it) of a nested guest that is running, as KVM_GET_NESTED_STATE gives it.
 * Returns the ioctl's flags (KVM_STATE_NESTED_GIF_SET ...), -1 where it failed. `vmcb` may be NULL. */
int nested_state(struct vm *vm, struct vmcb *vmcb);

/* The smallest first-level guest: run the VMCB, then report the exit code (low byte) at port 0x80. */
#define GUEST_VMRUN_ONCE                                             \
	"mov $0x50000, %eax\n"                                       \
	"vmrun %rax\n"                                               \
	"mov 0x50070, %al\n"                                         \
	"out %al, $0x80\n"                                           \
	"hlt\n"

#endif
