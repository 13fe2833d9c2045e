/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a guest's xl.cfg. */
// links: dom0/tool/cfg.c dom0/tool/guest_config.c dom0/tool/disk_spec.c dom0/tool/cpu_list.c
#include <stdlib.h>
#include <string.h>
#include <dom0/tool/guest_config.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct guest_config config;
	struct cfg_error err = {""};
	struct cfg_file file;

	if (cfg_parse(&file, "fuzz.cfg", (const char *)data, size, &err) == 0) {
		if (guest_config_read(&config, &file, NULL, NULL, &err) == 0)
			guest_config_free(&config);
		cfg_free(&file);
	}
	/* Whatever is said is one line. */
	if (strchr(err.text, '\n'))
		abort();
	return 0;
}
