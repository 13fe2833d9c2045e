/* SPDX-License-Identifier: BSD-2-Clause */
/* A place that tests/bench/count_plugin.c sees: a long NOP with a number in it. A processor only
 * passes over it. */
#ifndef TESTS_BENCH_MARK_H
#define TESTS_BENCH_MARK_H

/* NOPL disp32(%rax): 0F 1F 80, the number, "BPL" in ASCII. */
#define BENCH_NOP          ".byte 0x0F, 0x1F, 0x80, %c0, 0x42, 0x50, 0x4C"
#define BENCH_MARK(number) __asm__ volatile(BENCH_NOP : : "i"(number) : "memory")
#define BENCH_BEGIN        1
#define BENCH_END          2

#endif
