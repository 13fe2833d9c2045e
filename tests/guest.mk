# SPDX-License-Identifier: BSD-2-Clause
# `make guest-tests`: test guests and the bench guest, build/tests/guest/NAME.elf for each tests/guest/TOPIC/NAME.c.
# Extra flags of one file stand in it as "// cflags: ...". Included from the top; also works alone:
#   make -f tests/guest.mk guest-tests

GUEST_CC ?= gcc
GUEST_OUT := build/tests/guest
GUEST_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -fno-pic -fno-stack-protector -mno-red-zone \
	-mgeneral-regs-only -mcmodel=small -fcf-protection=none -fno-asynchronous-unwind-tables \
	-fno-builtin -I. -Iinclude -MMD -MP \
	-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wformat=2 -Wimplicit-fallthrough \
	-Wno-array-bounds -Wno-stringop-overflow -Werror
GUEST_LDFLAGS := -nostdlib -static -no-pie -Wl,-T,tests/guest/lib/guest.ld -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -Wl,-n

GUEST_LIB_SRC := $(wildcard tests/guest/lib/*.c) tests/guest/lib/entry.S
GUEST_LIB_OBJ := $(patsubst tests/guest/lib/%,$(GUEST_OUT)/lib/%.o,$(GUEST_LIB_SRC))
GUEST_SRC := $(filter-out tests/guest/lib/%,$(wildcard tests/guest/*/*.c)) tests/bench/bench.c tests/bench/disk_bench.c
GUEST_ELF := $(foreach s,$(GUEST_SRC),$(GUEST_OUT)/$(basename $(notdir $(s))).elf)

.PHONY: guest-tests
guest-tests: $(GUEST_ELF)

$(GUEST_OUT)/lib/%.c.o: tests/guest/lib/%.c
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_CFLAGS) -c -o $@ $<
$(GUEST_OUT)/lib/%.S.o: tests/guest/lib/%.S
	@mkdir -p $(@D)
	$(GUEST_CC) $(GUEST_CFLAGS) -c -o $@ $<

define guest_rule
$(GUEST_OUT)/$(basename $(notdir $(1))).o: $(1)
	@mkdir -p $$(@D)
	$$(GUEST_CC) $$(GUEST_CFLAGS) $$(shell sed -n 's|^// cflags: ||p' $(1)) -c -o $$@ $$<
endef
$(foreach s,$(GUEST_SRC),$(eval $(call guest_rule,$(s))))

$(GUEST_OUT)/%.elf: $(GUEST_OUT)/%.o $(GUEST_LIB_OBJ) tests/guest/lib/guest.ld
	$(GUEST_CC) $(GUEST_LDFLAGS) -o $@ $< $(GUEST_LIB_OBJ)

# Everything under -icount; writes tests/bench/results.md. bench-guard: is nothing worse than that?
# bench-profile: where the instructions go; OPS="cpuid_0 sched_yield": of these operations.
# bench-exits: why a guest is left while Debian boots. bench-disk: disks alone; WORKLOADS="rand_read_32": where
# the instructions of these go.
.PHONY: bench bench-guard bench-profile bench-exits bench-disk
bench:         BENCH = run.py
bench-guard:   BENCH = guard.py
bench-profile: BENCH = profile.py $(OPS)
bench-exits:   BENCH = exits.py
bench-disk:    BENCH = disk.py $(if $(WORKLOADS),profile $(WORKLOADS))
bench bench-guard bench-profile bench-exits bench-disk: guest-tests
	@$(MAKE) --no-print-directory -s hv build/demo/demo.cfg
	@python3 tests/bench/$(BENCH)

-include $(wildcard $(GUEST_OUT)/*.d $(GUEST_OUT)/lib/*.d)

# A Debian userland on a raw image, for booted tests and for trying disks: made once.
DISK_IMAGE := $(BUILD)/disk/debian.img
$(DISK_IMAGE): tests/boot/disk/debian.sh tests/boot/disk/debian-init
	@echo '  DISK  $@'
	$(Q)sh tests/boot/disk/debian.sh $@.new && mv $@.new $@
.PHONY: disk-image
disk-image: $(DISK_IMAGE)
