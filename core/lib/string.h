/* SPDX-License-Identifier: BSD-2-Clause */
/* The few memory and string functions that the compiler or the code calls. */
#ifndef CORE_LIB_STRING_H
#define CORE_LIB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
/* Copies at most size-1 bytes and always terminates; returns strlen(src). size > 0. */
size_t string_copy(char *dst, const char *src, size_t size);

#endif
