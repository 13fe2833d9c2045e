# SPDX-License-Identifier: BSD-2-Clause
# The control domain's C library and decompressors, from Debian's source packages. Included by
# the top-level Makefile, which sets BUILD. Sources stay in $(BUILD)/src over `make clean`.
#
# For the control domain's own files:
#   DOM0_LIB_CFLAGS  compiler flags: the code model and newlib's and the libraries' headers
#   DOM0_LIBS        archives to link, in order; all of them are made by the rules below
#   DOM0_LIB_HEADERS order-only prerequisite of every object that includes those headers

BUILD    ?= build
LIBS_CC  ?= gcc
LIBS_SRC := $(BUILD)/src
LIBS_OUT := $(BUILD)/dom0-libs

NEWLIB    := $(BUILD)/newlib
NEWLIB_A  := $(NEWLIB)/x86_64-elf/lib/libc.a
LIBS_A    := $(BUILD)/dom0-libs.a
DOM0_LIBS := $(LIBS_A) $(NEWLIB_A)

# The control domain runs in ring 0 on its own stack: no red zone, no host start-up files.
LIBS_CODE := -ffreestanding -mno-red-zone -mcmodel=kernel -fno-pic -fno-pie \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-ffunction-sections -fdata-sections

DOM0_LIB_HEADERS := $(NEWLIB_A) $(BUILD)/ext2fs/.made
# libext2fs' headers: those that its build generates, the others.
EXT2FS_CFLAGS = -isystem $(BUILD)/ext2fs -isystem $(LIBS_SRC)/e2fsprogs/lib
# newlib's headers go before the compiler's, whose <stdint.h> would hide <inttypes.h>'s names.
DOM0_LIB_CFLAGS  = $(LIBS_CODE) -nostdinc -isystem $(NEWLIB)/x86_64-elf/include \
	-isystem $(shell $(LIBS_CC) -print-file-name=include) \
	-isystem $(LIBS_SRC)/lz4/lib -isystem $(LIBS_SRC)/zlib -isystem $(LIBS_SRC)/libzstd/lib \
	-isystem $(LIBS_SRC)/xz-utils/src/liblzma/api $(EXT2FS_CFLAGS)

LIBS_FETCHED := $(LIBS_SRC)/.fetched
export LIB_VERSIONS
$(LIBS_FETCHED): dom0/libs/versions dom0/libs/fetch.sh
	@mkdir -p $(LIBS_SRC)
	sh dom0/libs/fetch.sh dom0/libs/versions $(LIBS_SRC)
	@touch $@

# newlib's configure sees the host's compiler as a cross compiler for a bare x86_64-elf.
NEWLIB_TARGET_TOOLS := CC_FOR_TARGET=$(LIBS_CC) AR_FOR_TARGET=ar RANLIB_FOR_TARGET=ranlib \
	AS_FOR_TARGET=as LD_FOR_TARGET=ld NM_FOR_TARGET=nm STRIP_FOR_TARGET=strip
NEWLIB_OPTIONS := --target=x86_64-elf --disable-multilib --disable-libgloss --disable-nls \
	--disable-newlib-supplied-syscalls --enable-newlib-io-long-long \
	--enable-newlib-io-c99-formats --enable-lite-exit
# A flag of the outer make must not reach these makefiles, and each needs a folder of its own.
NEWLIB_MAKE := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -C $(NEWLIB)/obj MAKEINFO=true

$(NEWLIB_A): $(LIBS_FETCHED) dom0/libs.mk
	@echo "  NEWLIB  $@ (log: $(NEWLIB)/log)"
	@rm -rf $(NEWLIB)
	@mkdir -p $(NEWLIB)/obj
	@{ src=$$(realpath $(LIBS_SRC)/newlib-source) && prefix=$$(realpath $(NEWLIB)) && \
	(cd $(NEWLIB)/obj && env -u MAKEFLAGS -u CFLAGS $$src/configure --prefix=$$prefix \
		$(NEWLIB_OPTIONS) $(NEWLIB_TARGET_TOOLS) CFLAGS_FOR_TARGET="-O2 $(LIBS_CODE)" \
		MAKEINFO=true) && \
	$(NEWLIB_MAKE) -j2 all-target-newlib && $(NEWLIB_MAKE) install-target-newlib; \
	} >$(NEWLIB)/log 2>&1 || { tail -n 20 $(NEWLIB)/log; exit 1; }
	@rm -rf $(NEWLIB)/obj
	@touch $@

# Only what decompression needs, compiled unmodified. What xz's configure would find out
# stands here as definitions.
LIBS_FILES := lz4/lib/lz4.c \
	$(addprefix zlib/,adler32.c crc32.c inffast.c inflate.c inftrees.c zutil.c) \
	$(addprefix libzstd/lib/common/,debug.c entropy_common.c error_private.c fse_decompress.c \
		xxhash.c zstd_common.c) \
	$(addprefix libzstd/lib/decompress/,huf_decompress.c zstd_ddict.c zstd_decompress.c \
		zstd_decompress_block.c) \
	$(addprefix xz-utils/src/liblzma/common/,block_decoder.c block_header_decoder.c \
		block_util.c common.c filter_common.c filter_decoder.c filter_flags_decoder.c \
		index_hash.c stream_decoder.c stream_flags_common.c stream_flags_decoder.c \
		vli_decoder.c vli_size.c) \
	$(addprefix xz-utils/src/liblzma/check/,check.c crc32_fast.c crc32_table.c crc64_fast.c \
		crc64_table.c sha256.c) \
	$(addprefix xz-utils/src/liblzma/,lz/lz_decoder.c lzma/lzma2_decoder.c \
		lzma/lzma_decoder.c simple/simple_coder.c simple/simple_decoder.c simple/x86.c)
# libext2fs without what needs an operating system's files, and the replay of journals.
EXT2FS_FILES := $(addprefix e2fsprogs/lib/ext2fs/,alloc.c alloc_sb.c alloc_stats.c alloc_tables.c \
		atexit.c badblocks.c bb_inode.c bitmaps.c bitops.c blkmap64_ba.c blkmap64_rb.c \
		blknum.c block.c bmap.c check_desc.c closefs.c crc16.c crc32c.c csum.c dblist.c \
		dblist_dir.c dirblock.c dirhash.c dir_iterate.c expanddir.c ext_attr.c extent.c \
		fallocate.c fileio.c freefs.c gen_bitmap.c gen_bitmap64.c get_num_dirs.c \
		get_pathname.c hashmap.c i_block.c icount.c ind_block.c initialize.c inline.c \
		inline_data.c inode.c io_manager.c link.c lookup.c mkdir.c mkjournal.c mmp.c \
		namei.c native.c newdir.c nls_utf8.c openfs.c orphan.c progress.c punch.c \
		rbtree.c read_bb.c res_gdt.c rw_bitmaps.c sha512.c swapfs.c symlink.c unlink.c \
		valid_blk.c version.c) \
	e2fsprogs/debugfs/journal.c e2fsprogs/e2fsck/recovery.c e2fsprogs/e2fsck/revoke.c
LIBS_FILES += $(EXT2FS_FILES)
LIBS_OBJS := $(LIBS_FILES:%.c=$(LIBS_OUT)/%.o) $(LIBS_OUT)/ext2_err.o

LIBS_DEFS_libzstd  := -DZSTD_DISABLE_ASM=1 -DDYNAMIC_BMI2=0 -DZSTD_LEGACY_SUPPORT=0 \
	-DXXH_NAMESPACE=ZSTD_ -DDEBUGLEVEL=0 -DZSTD_NO_TRACE=1
LIBS_DEFS_lz4      := -DLZ4_STATIC_LINKING_ONLY
LIBS_DEFS_xz-utils := -DNDEBUG -DHAVE_INTTYPES_H -DHAVE_STDINT_H -DHAVE_STDBOOL_H \
	-DHAVE_STRING_H -DHAVE_LIMITS_H -DHAVE__BOOL -DSIZEOF_SIZE_T=8 -DHAVE_DECODERS \
	-DHAVE_DECODER_LZMA2 -DHAVE_DECODER_X86 -DHAVE_CHECK_CRC32 -DHAVE_CHECK_CRC64 \
	-DHAVE_CHECK_SHA256 -DTUKLIB_FAST_UNALIGNED_ACCESS \
	-DTUKLIB_SYMBOL_PREFIX=lzma_ -DPACKAGE_NAME='"xz"' -DPACKAGE_BUGREPORT='""' \
	-DPACKAGE_URL='""' $(addprefix -I$(LIBS_SRC)/xz-utils/src/,common liblzma/api \
		liblzma/common liblzma/check liblzma/lz liblzma/lzma liblzma/rangecoder \
		liblzma/simple liblzma/delta)
# dom0/fs/ext2fs_config has what its configure would find out and headers newlib lacks.
LIBS_DEFS_e2fsprogs := -Idom0/fs/ext2fs_config -include config.h -DDEBUGFS \
	$(addprefix -I$(LIBS_SRC)/e2fsprogs/,lib/ext2fs debugfs e2fsck)

$(BUILD)/ext2fs/.made: $(LIBS_FETCHED) dom0/fs/ext2fs_generate.sh
	@sh dom0/fs/ext2fs_generate.sh $(LIBS_SRC)/e2fsprogs $(@D)
	@touch $@

$(LIBS_OUT)/ext2_err.o: $(BUILD)/ext2fs/.made $(NEWLIB_A)
	@mkdir -p $(@D)
	@$(LIBS_CC) -std=gnu11 -O2 -w $(DOM0_LIB_CFLAGS) -c $(<D)/ext2_err.c -o $@

# The source names are known before the sources are there, hence the stamp and no %.c.
$(LIBS_FILES:%.c=$(LIBS_OUT)/%.o): $(LIBS_OUT)/%.o: $(LIBS_FETCHED) $(NEWLIB_A) $(BUILD)/ext2fs/.made dom0/libs.mk
	@mkdir -p $(@D)
	@$(LIBS_CC) -std=gnu11 -O2 -w $(DOM0_LIB_CFLAGS) $(LIBS_DEFS_$(firstword $(subst /, ,$*))) \
		-c $(LIBS_SRC)/$*.c -o $@

$(LIBS_A): $(LIBS_OBJS)
	@echo "  AR      $@"
	@rm -f $@
	@ar rcs $@ $^

.PHONY: dom0-libs
dom0-libs: $(DOM0_LIBS)

# The same sources for the build machine's C library: what host tests of the file systems link.
HOST_EXT2FS_A := $(BUILD)/host-ext2fs.a
HOST_EXT2FS_CFLAGS = $(EXT2FS_CFLAGS) -D_GNU_SOURCE
HOST_EXT2FS_OBJS := $(EXT2FS_FILES:%.c=$(BUILD)/host-libs/%.o) $(BUILD)/host-libs/ext2_err.o

$(EXT2FS_FILES:%.c=$(BUILD)/host-libs/%.o): $(BUILD)/host-libs/%.o: $(BUILD)/ext2fs/.made dom0/libs.mk
	@mkdir -p $(@D)
	@$(LIBS_CC) -std=gnu11 -g -O1 -w -fno-omit-frame-pointer $(HOST_EXT2FS_CFLAGS) \
		$(LIBS_DEFS_e2fsprogs) -c $(LIBS_SRC)/$*.c -o $@

$(BUILD)/host-libs/ext2_err.o: $(BUILD)/ext2fs/.made
	@mkdir -p $(@D)
	@$(LIBS_CC) -std=gnu11 -g -O1 -w $(HOST_EXT2FS_CFLAGS) -c $(<D)/ext2_err.c -o $@

$(HOST_EXT2FS_A): $(HOST_EXT2FS_OBJS)
	@rm -f $@
	@ar rcs $@ $^
