# SPDX-License-Identifier: BSD-2-Clause
# Plinth. Targets:
#   run    installs the packages that are missing, builds, packs build/plinth.iso, boots it in QEMU
#   test   all tests; ends with "N passed, N failed". check: those without a boot. fuzz: fuzzers alone
#   iso    packs an image: GUESTS=DIR ISO=FILE CONTROL_OPTS="..." (iso/iso.mk); demo: the demo guest
#   hv, dom0, guest-tests   the hypervisor, the control domain, the test guests; clean
#   bench   measures, stores tests/bench/results.md; bench-guard, bench-profile, bench-exits: tests/README.md
#   sched-table   simulates the scheduler and writes the table in sched/README.md
# Variables: CC, BUILD, V=1 (show the commands); iso/iso.mk and tests/check.mk have theirs.

BUILD ?= build
ifeq ($(origin CC),default)
CC    := gcc
endif
NM    ?= nm

WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla \
	-Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wformat=2 \
	-Wimplicit-fallthrough -Werror

ifneq ($(V),1)
Q := @
endif

.PHONY: hv clean
.DEFAULT_GOAL := hv
.SECONDARY:

# --- the hypervisor ---------------------------------------------------------------------------

HV_DIRS := boot arch core svm vmx ept sched
HV_SRCS := $(sort $(wildcard $(foreach d,$(HV_DIRS),$d/*.[cS] $d/*/*.[cS] $d/*/*/*.[cS])))
# DIR/offsets.c is not linked: it gives assembly the offsets in C's structures.
HV_OFFSETS := $(patsubst %.c,$(BUILD)/%.h,$(filter %/offsets.c,$(HV_SRCS)))
HV_OBJS := $(patsubst %,$(BUILD)/hv/%.o,$(filter-out %/offsets.c,$(HV_SRCS)))
HV_FLAGS := -I. -Iinclude -ffreestanding -mcmodel=kernel -mno-red-zone -fno-pic -fno-pie
HV_CFLAGS := $(HV_FLAGS) -std=gnu11 -O2 -g $(WARNINGS) -mgeneral-regs-only -fno-stack-protector \
	-fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fcf-protection=none -fno-common
HV_LDFLAGS := -nostdlib -static -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack

hv: $(BUILD)/plinth.elf

$(BUILD)/hv/%.c.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(HV_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/%/offsets.h: %/offsets.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(HV_CFLAGS) -MMD -MP -MF $@.d -MT $@ -S $< -o $@.s
	$(Q)sed -n 's/.*"->\([A-Z0-9_a-z]*\) \([0-9]*\)".*/#define \1 \2/p' $@.s >$@

$(BUILD)/hv/%.S.o: %.S $(HV_OFFSETS)
	@mkdir -p $(@D)
	@echo '  AS  $<'
	$(Q)$(CC) $(HV_FLAGS) -I$(BUILD) -MMD -MP -c $< -o $@

$(BUILD)/hv/linker.ld: linker.ld arch/x86_64/mm/layout.h
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x c -I. -D__ASSEMBLER__ $< -o $@

# Linked twice: the symbol table for backtraces is made from the first result. It comes last in its
# section, so no address in it moves.
$(BUILD)/hv/symbols0.S: arch/x86_64/cpu/symbols.awk
	@mkdir -p $(@D)
	$(Q)awk -f $< </dev/null >$@

$(BUILD)/hv/symbols1.S: $(BUILD)/hv/pass0.elf arch/x86_64/cpu/symbols.awk
	$(Q)$(NM) -n $< | awk -f arch/x86_64/cpu/symbols.awk >$@

$(BUILD)/hv/symbols%.o: $(BUILD)/hv/symbols%.S
	$(Q)$(CC) -c $< -o $@

$(BUILD)/hv/pass0.elf: $(HV_OBJS) $(BUILD)/hv/symbols0.o $(BUILD)/hv/linker.ld
	$(Q)$(CC) $(HV_LDFLAGS) -T $(BUILD)/hv/linker.ld -o $@ $(HV_OBJS) $(BUILD)/hv/symbols0.o

$(BUILD)/plinth.elf: $(HV_OBJS) $(BUILD)/hv/symbols1.o $(BUILD)/hv/linker.ld
	@echo '  LD  $@'
	$(Q)$(CC) $(HV_LDFLAGS) -T $(BUILD)/hv/linker.ld -o $@ $(HV_OBJS) $(BUILD)/hv/symbols1.o

-include $(HV_OBJS:.o=.d) $(HV_OFFSETS:=.d)

# --- the control domain, media, tests ------------------------------------------------------------

include dom0/libs.mk
include dom0/dom0.mk
include iso/iso.mk
include tests/guest.mk
include tests/check.mk

clean:
	rm -rf $(BUILD)/hv $(BUILD)/plinth.elf $(HV_OFFSETS)
