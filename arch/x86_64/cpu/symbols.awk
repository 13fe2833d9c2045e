# SPDX-License-Identifier: BSD-2-Clause
# Makes the assembly source of the symbol table from the output of `nm -n`; with no input, an empty
# table for the first link. Addresses are 16 hexadecimal digits that begin with ffffffff8.
BEGIN {
	print ".section .symbols, \"a\""
	print ".global symbol_table, symbol_count, symbol_names"
	print ".balign 8"
	print "symbol_table:"
}
$2 ~ /^[tT]$/ && $3 !~ /^image_/ {
	printf ".long 0x%s - 0x80000000, name%d - symbol_names\n", substr($1, 9), count
	names[count++] = $3
}
END {
	print "symbol_count:\n.long " count + 0
	print "symbol_names:"
	for (i = 0; i < count; i++)
		printf "name%d: .asciz \"%s\"\n", i, names[i]
	print ".byte 0"
	print ".section .note.GNU-stack, \"\", @progbits"
}
