/* SPDX-License-Identifier: GPL-2.0-only
 *
 * A kernel (multiboot) that attacks the host of an emulator: writes TEXT to the serial port TIMES times (0: for ever),
 * then resets the machine or, where STAYS is 1, does nothing for ever.
 */
	.section .text
	.align 4
	.long 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
	.long header, header, end, end, _start
	.set header, _start - 32
	.globl _start
_start:
	movl $TIMES, %ebx
1:	movl $text, %esi
	movl $0x3f8, %edx
2:	lodsb
	cmpl $end, %esi
	ja 3f
	outb %al, %dx
	jmp 2b
3:	.if TIMES == 0
	jmp 1b
	.else
	decl %ebx
	jnz 1b
	.endif
	.if STAYS
4:	jmp 4b
	.else
	lidt none
	int $3
	.endif
none:	.long 0, 0
text:	.incbin TEXT
end:
