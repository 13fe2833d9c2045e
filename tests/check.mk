# SPDX-License-Identifier: BSD-2-Clause
# What `make check`, `make fuzz` and `make test` consist of. Included by the top-level Makefile.
#
# An item NAME is done when $(CHECK)/done/NAME can be made. Results are kept as $(CHECK)/NAME.ok and
# made again only when something they read changed; tests/summary.py empties done/, makes the items
# with -k and counts. A host test or fuzzer says in its first lines what it is built from:
#   // links: core/insn.c tests/fake/core_fake.c
#   // cflags: -include tests/fake/svm/cpu.h
#   // libs: -llz4
#
# Variables: FUZZ_SECONDS (for each fuzzer), JOBS, HOST_CC, CLANG, CLANG_FORMAT, CLANG_TIDY, CPPCHECK.

CHECK        := $(BUILD)/check
HOST_CC      ?= gcc
CLANG        ?= clang-14
CLANG_FORMAT ?= clang-format-14
CLANG_TIDY   ?= clang-tidy-14
CPPCHECK     ?= cppcheck
FUZZ_SECONDS ?= 4
JOBS         ?= 2

HOST_TESTS := $(sort $(shell find tests/host -name '*_test.c'))
FUZZERS    := $(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))

ALL_HEADERS := $(sort $(shell find $(HV_DIRS) include drivers dom0 tests -name '*.h'))
ALL_SOURCES := $(sort $(shell find $(HV_DIRS) drivers dom0 tests -name '*.c'))
HV_HEADERS   := $(filter $(addsuffix /%,$(HV_DIRS)) include/%,$(ALL_HEADERS))
DOM0_HEADERS := $(filter dom0/% drivers/% include/%,$(ALL_HEADERS))

CHECK_ITEMS := format headers lines symbols cppcheck clang-tidy bench-comparer \
	$(HOST_TESTS:tests/host/%_test.c=host/%)
FUZZ_ITEMS  := $(FUZZERS:%=fuzz/%)

.PHONY: check fuzz test check-items fuzz-items check-list fuzz-list FORCE
check fuzz test: export FUZZ_SECONDS := $(FUZZ_SECONDS)
check fuzz test: export JOBS := $(JOBS)
test check fuzz:
	@sh .ci/install-packages.sh run test
	@BUILD='$(BUILD)' python3 tests/summary.py $@

check-items: $(CHECK_ITEMS:%=$(CHECK)/done/%)
fuzz-items: $(FUZZ_ITEMS:%=$(CHECK)/done/%)
check-list:
	@printf '%s\n' $(CHECK_ITEMS)
fuzz-list:
	@printf '%s\n' $(FUZZ_ITEMS)

# A stamp holds what is to be said behind the name.
say_ok = @mkdir -p $(@D) && echo "ok $*$$(cat $(1))" && touch $@
$(CHECK)/done/%: $(CHECK)/%.ok
	$(call say_ok,$<)

# $(call step,NAME,COMMANDS): makes $@ if the commands succeed; else shows the end of their output.
step = @mkdir -p $(@D); rm -f $@; if ( $(2) ) >$@.log 2>&1 </dev/null; then touch $@; \
	else echo '  failed: $(1) ($@.log)'; tail -n 25 $@.log | sed 's/^/        /'; exit 1; fi

# --- form ----------------------------------------------------------------------------------------

$(CHECK)/format.ok: $(ALL_SOURCES) $(ALL_HEADERS) .clang-format
	$(call step,format,printf '%s\n' $(ALL_SOURCES) $(ALL_HEADERS) | \
		xargs -P $(JOBS) -n 16 $(CLANG_FORMAT) --dry-run -Werror)

# Each header compiles alone, with the flags of the image it belongs to; include/ with both.
headers_alone = printf '%s\n' $(1) | xargs -P $(JOBS) -n 16 $(CC) $(2) -fsyntax-only -x c
$(CHECK)/headers.ok: $(ALL_HEADERS) | $(DOM0_LIB_HEADERS)
	$(call step,headers,$(call headers_alone,$(HV_HEADERS),$(HV_CFLAGS)) && \
		$(call headers_alone,$(DOM0_HEADERS),$(DOM0_CFLAGS)))

# The hypervisor's size, and what is in it. The limit is for one vendor's half, AMD's; vmx/ and the
# IOMMUs, of both vendors, have their own.
$(CHECK)/lines.ok: FORCE
	$(call step,lines,python3 tests/lines.py --limit 12750 --but arch/x86_64/iommu \
			$(filter-out vmx,$(HV_DIRS)) && \
		python3 tests/lines.py --limit 1900 vmx && \
		python3 tests/lines.py --limit 900 arch/x86_64/iommu)
	@cat $@.log
$(CHECK)/symbols.ok: $(BUILD)/plinth.elf $(BUILD)/dom0.elf FORCE
	$(call step,symbols,python3 tests/symbols.py $(BUILD) $(HV_DIRS))

# That the comparer of `make test` fails on a worse row. The comparison itself is tests/bench/guard.py.
$(CHECK)/bench-comparer.ok: $(wildcard tests/bench/*.py tests/boot/*.py) tests/bench/results.md
	$(call step,bench-comparer,python3 tests/bench/guard_test.py)

# --- static analysis -----------------------------------------------------------------------------

TIDY_HV   := $(filter %.c,$(HV_SRCS))
TIDY_DOM0 := $(filter %.c,$(DOM0_SRCS))
TIDY_OK   := $(patsubst %,$(CHECK)/tidy/%.ok,$(TIDY_HV) $(TIDY_DOM0))
$(TIDY_HV:%=$(CHECK)/tidy/%.ok):   TIDY_FLAGS = $(HV_CFLAGS)
$(TIDY_DOM0:%=$(CHECK)/tidy/%.ok): TIDY_FLAGS = $(DOM0_CFLAGS)

# A source is looked at again when it, its own header or the rules changed. This also is where
# clang's own warnings are asked for.
.SECONDEXPANSION:
$(TIDY_OK): $(CHECK)/tidy/%.c.ok: %.c $$(wildcard %.h) .clang-tidy | $(DOM0_LIB_HEADERS)
	$(call step,clang-tidy $<,$(CLANG_TIDY) --quiet $< -- -Qunused-arguments $(TIDY_FLAGS))
$(CHECK)/clang-tidy.ok: $(TIDY_OK)
	@echo ": $(words $(TIDY_OK)) files" >$@

$(CHECK)/cppcheck.ok: $(TIDY_HV) $(TIDY_DOM0) $(ALL_HEADERS) tests/cppcheck.suppress
	@mkdir -p $(CHECK)/cppcheck
	$(call step,cppcheck,$(CPPCHECK) --quiet --error-exitcode=1 --std=c11 --platform=unix64 \
		--enable=warning$(comma)performance$(comma)portability --inline-suppr \
		--suppressions-list=tests/cppcheck.suppress --cppcheck-build-dir=$(CHECK)/cppcheck \
		-j $(JOBS) -I. -Iinclude -D__x86_64__=1 -D__GNUC__=12 $(TIDY_HV) $(TIDY_DOM0))
comma := ,

# --- host tests and fuzzers ----------------------------------------------------------------------

HOST_CFLAGS = -std=gnu11 -g -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer -I. -Iinclude -Itests/fake
# $(call said,WORD,FILE): what the file's "// WORD: ..." lines say; for the shell.
said = $$(sed -n '1,20s|^// $(1): *||p' $(2))
# $(call depend,FILE): writes what $@ was made from. Every name also stands as a target of its own, so
# that a deleted file means "make again", not "no rule".
depend = $(HOST_CC) -MM -MT $@ $(HOST_CFLAGS) $(call said,cflags,$(1)) $(1) $(call said,links,$(1)) \
	>$@.d && sed -e 's/^[^:]*://' -e 's/\\$$//' $@.d | tr -s ' ' '\n' | sed -n 's/..*/&:/p' >>$@.d

# Tests of file systems link libext2fs, compiled from the sources that the control domain has.
FS_TESTS := $(patsubst tests/host/%_test.c,$(CHECK)/host/%.ok,$(filter tests/host/dom0/fs/%,$(HOST_TESTS)))
$(FS_TESTS): $(HOST_EXT2FS_A)
$(FS_TESTS): HOST_CFLAGS += $(HOST_EXT2FS_CFLAGS)
$(FS_TESTS): HOST_LIBS = $(HOST_EXT2FS_A)

$(CHECK)/host/%.ok: tests/host/%_test.c tests/check.mk
	$(call step,host/$*,$(call depend,$<) && \
		$(HOST_CC) $(HOST_CFLAGS) -fsanitize=address$(comma)undefined -fno-sanitize-recover=all \
			$(call said,cflags,$<) $< $(call said,links,$<) -o $@.exe \
			$(call said,libs,$<) $(HOST_LIBS) -lcmocka && \
		timeout 120 ./$@.exe)
	@sed -n 's/.*\[  PASSED  \] \([0-9]*\) test.*/: \1 tests/p' $@.log >$@

# Writes the table of scenarios that stands at the end of sched/README.md.
.PHONY: sched-table
sched-table: $(CHECK)/host/sched/table.ok
	@sed -i '/^| scenario/,$$d' sched/README.md && grep '^|' $<.log >>sched/README.md

$(CHECK)/fuzz/%.ok: tests/fuzz/%_fuzz.c tests/check.mk
	$(call step,fuzz/$*,$(call depend,$<) && \
		$(CLANG) $(HOST_CFLAGS) -O2 -fsanitize=fuzzer$(comma)address$(comma)undefined \
			-fno-sanitize-recover=all $(call said,cflags,$<) $< \
			$(call said,links,$<) -o $@.exe $(call said,libs,$<))

# What a run finds to be new input stays under build/ and is where the next run starts.
$(CHECK)/done/fuzz/%: $(CHECK)/fuzz/%.ok FORCE
	@mkdir -p $(CHECK)/corpus/$*
	$(call step,fuzz/$*,./$(CHECK)/fuzz/$*.ok.exe -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
		-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$(CHECK)/fuzz/$*- \
		$(CHECK)/corpus/$* $(wildcard tests/fuzz/corpus/$*))
	@sed -n 's/stat::number_of_executed_units: *\(.*\)/: \1 runs/p' $@.log >$@
	@echo "ok fuzz/$*$$(cat $@)"

-include $(wildcard $(CHECK)/host/*.d $(CHECK)/host/*/*.d $(CHECK)/host/*/*/*.d $(CHECK)/fuzz/*.d)
