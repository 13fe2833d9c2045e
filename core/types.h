/* SPDX-License-Identifier: BSD-2-Clause */
/* The types that keep address spaces apart, and the few helpers every file needs. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define PAGE_SHIFT 12u
#define PAGE_SIZE  4096ull
#define PAGE_MASK  (PAGE_SIZE - 1)
#define ORDER_4K   0u
#define ORDER_2M   9u
#define ORDER_1G   18u
#define KIB(n)     ((u64)(n) << 10)
#define MIB(n)     ((u64)(n) << 20)
#define GIB(n)     ((u64)(n) << 30)
#define NS_PER_SEC 1000000000ull

/* Host physical, guest physical and guest linear addresses, in bytes. */
typedef struct {
	u64 v;
} hpa_t;
typedef struct {
	u64 v;
} gpa_t;
typedef struct {
	u64 v;
} gva_t;
/* Frame numbers: an address shifted right by PAGE_SHIFT. */
typedef struct {
	u64 v;
} hfn_t;
typedef struct {
	u64 v;
} gfn_t;

static inline hpa_t hpa(u64 v)
{
	return (hpa_t){v};
}
static inline gpa_t gpa(u64 v)
{
	return (gpa_t){v};
}
static inline gva_t gva(u64 v)
{
	return (gva_t){v};
}
static inline hfn_t hfn(u64 v)
{
	return (hfn_t){v};
}
static inline gfn_t gfn(u64 v)
{
	return (gfn_t){v};
}
static inline hfn_t hpa_to_hfn(hpa_t a)
{
	return (hfn_t){a.v >> PAGE_SHIFT};
}
static inline hpa_t hfn_to_hpa(hfn_t f)
{
	return (hpa_t){f.v << PAGE_SHIFT};
}
static inline gfn_t gpa_to_gfn(gpa_t a)
{
	return (gfn_t){a.v >> PAGE_SHIFT};
}
static inline gpa_t gfn_to_gpa(gfn_t f)
{
	return (gpa_t){f.v << PAGE_SHIFT};
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Mask of the low n bits, n in 0..64. */
static inline u64 low_mask(unsigned int n)
{
	return n >= 64 ? ~0ull : (1ull << n) - 1;
}
static inline u64 bit64(unsigned int n)
{
	return 1ull << (n & 63u);
}
static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}
static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}
/* align must be a power of two. */
static inline u64 align_up(u64 v, u64 align)
{
	return (v + align - 1) & ~(align - 1);
}
static inline u64 align_down(u64 v, u64 align)
{
	return v & ~(align - 1);
}

/* i if it is below n, else 0, even where the processor only guesses that a check before let it
 * through: for indices that guests choose (Spectre variant 1). */
static inline u64 index_guarded(u64 i, u64 n)
{
	u64 mask;

	__asm__("cmpq %2, %1\n sbbq %0, %0" : "=r"(mask) : "r"(i), "r"(n) : "cc");
	return i & mask;
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define must_use                        __attribute__((warn_unused_result))
#define noreturn_fn                     __attribute__((noreturn))
#define printf_like(f, a)               __attribute__((format(printf, f, a)))
#define likely(x)                       __builtin_expect(!!(x), 1)
#define unlikely(x)                     __builtin_expect(!!(x), 0)
#define READ_ONCE(x)                    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)                __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define barrier()                       __asm__ volatile("" ::: "memory")

#endif
