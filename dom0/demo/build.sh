#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes the demo guest: build.sh OUT. Debian's cloud kernel and busybox are fetched as packages and
# unpacked (not installed); OUT gets vmlinuz, initrd and demo.cfg. Nothing is fetched twice.
set -eu

out=${1:-build/demo}
here=$(cd "$(dirname "$0")" && pwd)
cache=${PLINTH_DEB_CACHE:-build/debs}
mkdir -p "$out" "$cache"
out=$(cd "$out" && pwd)
cache=$(cd "$cache" && pwd)

# fetch PACKAGE: unpacks it under $cache/root.
fetch() {
	if [ ! -e "$cache/$1.done" ]; then
		(cd "$cache" && rm -f "$1"_*.deb && apt-get -qq -o APT::Sandbox::User=root download "$1") || {
			echo "build.sh: cannot download the Debian package $1 (apt-get update first?)" >&2
			exit 1
		}
		mkdir -p "$cache/root"
		dpkg-deb -x "$cache/$1"_*.deb "$cache/root"
		touch "$cache/$1.done"
	fi
}

# The meta package names the kernel package of this release.
if [ ! -s "$cache/kernel.name" ]; then
	apt-cache show --no-all-versions linux-image-cloud-amd64 |
		sed -n 's/^Depends: *\(linux-image-[^ ,]*\).*/\1/p' >"$cache/kernel.name"
fi
kernel=$(cat "$cache/kernel.name")
[ -n "$kernel" ] || { echo "build.sh: apt knows no linux-image-cloud-amd64" >&2; exit 1; }
fetch "$kernel"
fetch busybox-static
cp "$cache/root/boot/vmlinuz-${kernel#linux-image-}" "$out/vmlinuz"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/bin" "$tree/sbin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/tmp" "$tree/root"
cp "$cache/root/bin/busybox" "$tree/bin/busybox"
for a in sh ash cat ls ps mount umount echo dmesg free top uname id hostname sleep date vi grep sed \
	awk head tail wc cp mv rm mkdir ln df du kill nproc hexdump devmem clear find sort stty tty \
	true false test seq yes dd sync uptime env which xargs cut tr usleep setsid uevent taskset \
	insmod switch_root blkdiscard cmp sha256sum; do
	ln -s busybox "$tree/bin/$a"
done
for a in poweroff reboot halt; do
	printf '#!/bin/busybox sh\nexec /bin/busybox %s -f\n' "$a" >"$tree/sbin/$a"
	chmod 755 "$tree/sbin/$a"
done
# What udev does on other systems: a CPU that is new is used.
cat >"$tree/sbin/cpu-added" <<'EOF'
#!/bin/busybox sh
[ "$SUBSYSTEM $ACTION" = "cpu add" ] && echo 1 >"/sys$DEVPATH/online"
EOF
chmod 755 "$tree/sbin/cpu-added"
# The driver of Plinth's disks is a module in Debian's kernel.
mkdir -p "$tree/lib" "$tree/disk"
cp "$cache/root/lib/modules/${kernel#linux-image-}/kernel/drivers/block/xen-blkfront.ko" "$tree/lib/"
install -m 755 "$here/init" "$tree/init"
find "$tree" -exec touch -h -d @0 {} +
(cd "$tree" && find . -mindepth 1 | LC_ALL=C sort |
	cpio --quiet -o -H newc -R 0:0 --reproducible) >"$out/initrd"
cp "$here/demo.cfg" "$out/demo.cfg"
