# SPDX-License-Identifier: BSD-2-Clause
# The control domain's image, $(BUILD)/dom0.elf. Included by the top-level Makefile, after
# dom0/libs.mk.

DOM0_SRCS := $(sort $(wildcard dom0/*/*.[cS] drivers/*/*.c))
DOM0_OBJS := $(DOM0_SRCS:%=$(BUILD)/dom0/%.o)
DOM0_CFLAGS = -I. -Iinclude -std=gnu11 -O2 -g $(WARNINGS) -fno-omit-frame-pointer $(DOM0_LIB_CFLAGS)

$(BUILD)/dom0/%.c.o: %.c | $(DOM0_LIB_HEADERS)
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(DOM0_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/dom0/%.S.o: %.S
	@mkdir -p $(@D)
	@echo '  AS  $<'
	$(Q)$(CC) -I. -Iinclude -MMD -MP -c $< -o $@

$(BUILD)/dom0.debug.elf: $(DOM0_OBJS) $(DOM0_LIBS) dom0/entry/dom0.ld
	@echo '  LD  $@'
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
		-Wl,-z,noexecstack -Wl,--gc-sections -T dom0/entry/dom0.ld -o $@ $(DOM0_OBJS) \
		-Wl,--start-group $(DOM0_LIBS) -lgcc -Wl,--end-group

$(BUILD)/dom0.elf: $(BUILD)/dom0.debug.elf
	$(Q)strip -o $@ $<

.PHONY: dom0
dom0: $(BUILD)/dom0.elf

-include $(DOM0_OBJS:.o=.d)
