/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory functions by string instructions: no vector registers, and nothing that the compiler could
 * turn back into a call of themselves. */
#include <core/lib/string.h>

#include <core/types.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	void *d = dst;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep movsq\n movq %3, %%rcx\n rep movsb"
			 : "+D"(d), "+S"(src), "+c"(words)
			 : "r"(rest)
			 : "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	const char *s = (const char *)src + n;
	char *d = (char *)dst + n;

	if ((uintptr_t)dst - (uintptr_t)src >= n)
		return memcpy(dst, src, n);
	/* dst lies inside the source: backwards, byte by byte. */
	d--;
	s--;
	__asm__ volatile("std\n rep movsb\n cld" : "+D"(d), "+S"(s), "+c"(n)::"memory", "cc");
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep stosq\n movq %3, %%rcx\n rep stosb"
			 : "+D"(d), "+c"(words)
			 : "a"((u8)c * 0x0101010101010101ull), "r"(rest)
			 : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}
