#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes the headers and sources that e2fsprogs' own build generates, with its own templates and
# scripts. usage: ext2fs_generate.sh E2FSPROGS_SOURCE OUTPUT_DIR
set -eu

src=$1
out=$2
mkdir -p "$out/ext2fs"

# No <asm/types.h> and no public config header; sizes of the x86-64 ABI.
sed -e '/@ASM_TYPES_HEADER@/d' -e '/@PUBLIC_CONFIG_HEADER@/d' \
	-e 's/@SIZEOF_SHORT@/2/g' -e 's/@SIZEOF_INT@/4/g' -e 's/@SIZEOF_LONG@/8/g' \
	-e 's/@SIZEOF_LONG_LONG@/8/g' "$src/lib/ext2fs/ext2_types.h.in" >"$out/ext2fs/ext2_types.h"

version=$(sed -n 's/^#define E2FSPROGS_VERSION "\(.*\)"/\1/p' "$src/version.h")
sed "s/@E2FSPROGS_VERSION@/$version/" "$src/lib/ext2fs/ext2_err.et.in" >"$out/ext2_err.et"
awk -f "$src/lib/et/et_h.awk" "outfile=$out/ext2fs/ext2_err.h" outfn=ext2_err.h "$out/ext2_err.et"
awk -f "$src/lib/et/et_c.awk" "outfile=$out/ext2_err.c" outfn=ext2_err.c "$out/ext2_err.et"

# crc32c.c includes a table that gen_crc32ctable.c prints.
gcc -w -I"$src/lib/ext2fs" -I"$src/lib" -I"$out" -o "$out/gen_crc32ctable" \
	"$src/lib/ext2fs/gen_crc32ctable.c"
"$out/gen_crc32ctable" >"$out/crc32c_table.h"
