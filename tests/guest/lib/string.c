/* SPDX-License-Identifier: BSD-2-Clause */
/* The few functions that the compiler and the tests expect of a C library. */
#include <tests/guest/lib/guest.h>

void *memset(void *p, int c, size_t n)
{
	void *d = p;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return p;
}

void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool cmdline_has(const char *word)
{
	const char *p = (const char *)start_info()->cmdline_paddr;
	size_t n = strlen(word);

	while (p && *p) {
		size_t k = 0;

		while (p[k] && p[k] != ' ')
			k++;
		if (k == n && !memcmp(p, word, n))
			return true;
		p += k + (p[k] == ' ');
	}
	return false;
}
