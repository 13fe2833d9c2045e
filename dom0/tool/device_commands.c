/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands on the machine's devices. */
#include <dom0/tool/device_commands.h>

#include <stdio.h>
#include <dom0/device/devices.h>

#define INTERRUPTS_TEXT 16u

static void interrupts_text(const struct device_info *i, char text[INTERRUPTS_TEXT])
{
	static const char *const kinds[] = {
		[DEVICE_POLLED] = "polled",
		[DEVICE_WIRED] = "wired",
		[DEVICE_MSI] = "MSI",
		[DEVICE_MSIX] = "MSI-X",
	};

	if (!i->name[0])
		snprintf(text, INTERRUPTS_TEXT, "-");
	else if (i->interrupts > 1)
		snprintf(text, INTERRUPTS_TEXT, "%s x%u", kinds[i->kind], i->interrupts);
	else
		snprintf(text, INTERRUPTS_TEXT, "%s", kinds[i->kind]);
}

/* "no driver": nothing here knows it; "free": something does, but does not have it now. */
static const char *holder(const struct device_info *i)
{
	if (i->name[0])
		return i->name;
	if (i->platform)
		return "-";
	return i->driver ? "free" : "no driver";
}

void cmd_devices(int argc, char **argv)
{
	struct device_info i;

	(void)argc;
	(void)argv;
	printf("%-12s %-9s %-8s %-10s %s\n", "Address", "Id", "Class", "Interrupts", "Device");
	for (unsigned int n = 0; device_list(n, &i); n++) {
		char interrupts[INTERRUPTS_TEXT];

		interrupts_text(&i, interrupts);
		printf("%04x:%02x:%02x.%x %04x:%04x %02x%02x%02x   %-10s %s\n", i.address.segment,
		       i.address.bus, i.address.slot, i.address.function, i.id.vendor, i.id.product,
		       i.id.class_code, i.id.subclass, i.id.prog_if, interrupts, holder(&i));
	}
}
