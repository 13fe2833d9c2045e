#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes a raw disk image with a Debian userland on ext4: debian.sh IMAGE [MIB]. By Debian's own tools, from the
# package archive that this machine's apt uses. Its /sbin/init is debian-init, beside this file.
set -eu

image=$1
mib=${2:-256}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The machine's sources and how it reaches them; options of its own beyond that are its own business.
apt-config dump | grep '^Acquire::' | grep -v '"";$' >"$work/apt.conf" || :
sources=$(find /etc/apt/sources.list /etc/apt/sources.list.d -type f \( -name '*.list' -o -name '*.sources' \) \
	-size +0 2>/dev/null || :)
[ -n "$sources" ] || { echo "debian.sh: apt has no sources on this machine" >&2; exit 1; }

# shellcheck disable=SC2086 # a list of files
mmdebstrap --quiet --variant=essential --include=busybox-static,e2fsprogs,mount \
	--aptopt="$work/apt.conf" --customize-hook="rm -rf \"\$1\"/usr/share/doc \"\$1\"/usr/share/locale" \
	bookworm "$work/tree.tar" $sources

mkdir "$work/tree"
tar -C "$work/tree" --exclude='./dev/*' -xf "$work/tree.tar"
install -m 755 "$here/debian-init" "$work/tree/sbin/init"
mkdir -p "$(dirname "$image")"
rm -f "$image"
mke2fs -q -t ext4 -b 4096 -L plinth-root -d "$work/tree" -E root_owner=0:0 "$image" "${mib}M"
