# SPDX-License-Identifier: BSD-2-Clause
# Media: `make iso GUESTS=DIR ISO=FILE CONTROL_OPTS="..."` packs an image, `make run` boots it.

GUESTS ?= $(BUILD)/demo
ISO    ?= $(BUILD)/plinth.iso
CONTROL_OPTS ?=
HV_OPTS ?=
RUN_CPUS ?= 2
RUN_MEMORY ?= 2G
QEMU ?= qemu-system-x86_64
# amd: QEMU; intel: Bochs
VENDOR ?= amd
BOCHS_MODEL ?= corei7_haswell_4770

.PHONY: iso run demo

# The demo's files are made once; `make demo` makes them again.
$(BUILD)/demo/demo.cfg: dom0/demo/build.sh dom0/demo/init dom0/demo/demo.cfg
	@echo '  DEMO  $(BUILD)/demo'
	$(Q)PLINTH_DEB_CACHE=$(BUILD)/debs sh dom0/demo/build.sh $(BUILD)/demo
demo:
	$(Q)PLINTH_DEB_CACHE=$(BUILD)/debs sh dom0/demo/build.sh $(BUILD)/demo

ifeq ($(GUESTS),$(BUILD)/demo)
ISO_NEEDS := $(BUILD)/demo/demo.cfg
endif

# Every file of the folder travels as a boot module under its name relative to it.
# What boots carries no debug information; the backtraces' symbol table is part of the image.
$(BUILD)/plinth.boot.elf: $(BUILD)/plinth.elf
	$(Q)strip -o $@ $<

iso: $(BUILD)/plinth.boot.elf $(BUILD)/dom0.elf $(ISO_NEEDS)
	@test -d '$(GUESTS)' || { echo "make iso: no folder $(GUESTS)" >&2; exit 1; }
	@echo '  ISO  $(ISO)'
	@mkdir -p $(dir $(ISO))
	$(Q)(cd '$(GUESTS)' && find . -type f | LC_ALL=C sort) | sed 's|^\./||' | { \
		set --; while IFS= read -r f; do set -- "$$@" "$(GUESTS)/$$f:$$f"; done; \
		sh iso/mkiso.sh '$(ISO)' '$(BUILD)/plinth.boot.elf:$(HV_OPTS)' \
			'$(BUILD)/dom0.elf:dom0.elf $(CONTROL_OPTS)' "$$@"; }

run:
	@sh .ci/install-packages.sh run $(if $(filter intel,$(VENDOR)),test)
	@$(MAKE) --no-print-directory iso
ifeq ($(VENDOR),intel)
	python3 tests/boot/bochs.py '$(ISO)' $(BOCHS_MODEL) $(RUN_CPUS) 512
else
	$(QEMU) -machine q35 -accel tcg -cpu EPYC,+svm,+npt,check=off -smp $(RUN_CPUS) -m $(RUN_MEMORY) \
		-nodefaults -display none -serial mon:stdio -no-reboot -cdrom '$(ISO)'
endif
