/* SPDX-License-Identifier: BSD-2-Clause */
/* Formats the reasons why a guest could not be built. */
#include <dom0/builder/error.h>

#include <stdarg.h>
#include <stdio.h>

int build_fail(struct build_error *err, int code, const char *format, ...)
{
	va_list args;

	if (err) {
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return -code;
}
