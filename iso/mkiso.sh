#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Packs a bootable ISO: GRUB, the hypervisor, and boot modules in the order given.
# usage: mkiso.sh OUTPUT HYPERVISOR[:CMDLINE] [FILE:CMDLINE]...
# The files' places in the image are /boot/N; only the command lines tell what they are.
set -eu

here=$(dirname "$0")
output=$1
shift
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/boot/grub"

# One line of grub.cfg. Each word goes into single quotes, where everything stands for itself; the
# whole in quotes would reach the image with double quotes around it.
entry() {
	case $3 in
	*"'"* | *'
'*) echo "mkiso.sh: a single quote or a line end in the command line: $3" >&2; exit 1 ;;
	esac
	printf "\t%s %s" "$1" "$2"
	set -f
	for word in $3; do
		printf " '%s'" "$word"
	done
	set +f
	printf '\n'
}

n=0
for argument; do
	file=${argument%%:*}
	cmdline=
	[ "$file" = "$argument" ] || cmdline=${argument#*:}
	cp -- "$file" "$stage/boot/$n"
	command=module2
	[ $n -gt 0 ] || command=multiboot2
	entry $command "/boot/$n" "$cmdline" >>"$stage/entry"
	n=$((n + 1))
done
sed -e "/@ENTRY@/{
r $stage/entry
d
}" "$here/grub.cfg.in" >"$stage/boot/grub/grub.cfg"
rm "$stage/entry"
grub-mkrescue -o "$output" "$stage" >"$output.log" 2>&1 || { cat "$output.log" >&2; exit 1; }
rm "$output.log"
