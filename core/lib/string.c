/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions on NUL-terminated strings. */
#include <core/lib/string.h>

#include <core/types.h>

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX / 2);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0')
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	for (; *a == *b && *a != '\0'; a++)
		b++;
	return (u8)*a - (u8)*b;
}

size_t string_copy(char *dst, const char *src, size_t size)
{
	size_t length = strlen(src);
	size_t n = length < size ? length : size - 1;

	memcpy(dst, src, n);
	dst[n] = '\0';
	return length;
}
