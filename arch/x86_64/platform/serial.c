/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 at COM1. National Semiconductor PC16550D data sheet, "Registers". */
#include <arch/x86_64/platform/serial.h>

#include <arch/x86_64/cpu/insn.h>
#include <arch/x86_64/cpu/traps.h>
#include <arch/x86_64/irq/ioapic.h>
#include <core/lib/lock.h>
#include <core/lib/print.h>

#define COM1         0x3F8
#define COM1_IRQ     4
#define REG_DATA     (COM1 + 0)
#define REG_IER      (COM1 + 1)
#define REG_FCR      (COM1 + 2) /* write; reading is IIR */
#define REG_LCR      (COM1 + 3)
#define REG_MCR      (COM1 + 4)
#define REG_LSR      (COM1 + 5)
#define REG_SCRATCH  (COM1 + 7)
#define IER_RX       0x01
#define FCR_ON_RESET 0x07
#define IIR_FIFO     0xC0
#define LCR_8N1      0x03
#define LCR_DLAB     0x80
#define MCR_ON       0x0B /* DTR, RTS, OUT2: the last lets the interrupt through */
#define LSR_RX       0x01
#define LSR_THRE     0x20

#define FIFO_SIZE 16u
#define TX_POLLS  400000u /* a port read takes about 1 us; 16 bytes take 1.4 ms */
#define RX_RING   1024u
#define RX_BURST  256u /* bytes taken in one interrupt: a broken UART cannot hold us */

static bool present;
static u32 fifo_room; /* bytes that may be sent without looking */
static u32 fifo_size = 1;

static spinlock_t rx_lock; /* the handler runs with interrupts off, like everybody */
static char rx_ring[RX_RING];
static u32 rx_head, rx_tail; /* free-running */
static void (*input_fn)(void);

void serial_init(void)
{
	outb(REG_SCRATCH, 0x5A);
	if (inb(REG_SCRATCH) != 0x5A || inb(REG_LSR) == 0xFF)
		return;
	outb(REG_IER, 0);
	outb(REG_LCR, LCR_DLAB | LCR_8N1);
	outb(REG_DATA, 1); /* divisor 1: 115200 */
	outb(REG_IER, 0);
	outb(REG_LCR, LCR_8N1);
	outb(REG_FCR, FCR_ON_RESET);
	outb(REG_MCR, MCR_ON);
	fifo_size = (inb(REG_FCR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
	present = true;
}

static bool wait_for_room(void)
{
	for (u32 i = 0; i < TX_POLLS; i++) {
		u8 lsr = inb(REG_LSR);

		if (lsr == 0xFF)
			break;
		if (lsr & LSR_THRE) {
			fifo_room = fifo_size;
			return true;
		}
	}
	present = false;
	return false;
}

void serial_write(const char *buf, size_t n)
{
	if (!present)
		return;
	for (size_t i = 0; i < n; i++) {
		if (fifo_room == 0 && !wait_for_room())
			return;
		outb(REG_DATA, (u8)buf[i]);
		fifo_room--;
	}
}

static void serial_interrupt(u8 vector)
{
	(void)vector;
	spin_lock(&rx_lock);
	for (u32 i = 0; i < RX_BURST && (inb(REG_LSR) & LSR_RX); i++) {
		char c = (char)inb(REG_DATA);

		if (rx_head - rx_tail < RX_RING) /* full: what is typed is lost */
			rx_ring[rx_head++ % RX_RING] = c;
	}
	spin_unlock(&rx_lock);
	input_fn();
}

void serial_enable_input(void (*fn)(void))
{
	bool level, low;
	u32 gsi = irq_isa_to_gsi(COM1_IRQ, &level, &low);

	if (!present)
		return;
	input_fn = fn;
	irq_set_handler(VECTOR_SERIAL, serial_interrupt);
	if (ioapic_route(gsi, VECTOR_SERIAL, 0, level, low) != 0) {
		log_line("serial: interrupt %u has no I/O APIC input: no console input", gsi);
		return;
	}
	outb(REG_IER, IER_RX);
	ioapic_mask(gsi, false);
}

size_t serial_read(char *buf, size_t n)
{
	size_t done = 0;

	spin_lock(&rx_lock);
	while (done < n && rx_tail != rx_head)
		buf[done++] = rx_ring[rx_tail++ % RX_RING];
	spin_unlock(&rx_lock);
	return done;
}
