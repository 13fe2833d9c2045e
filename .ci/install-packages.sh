#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs what is missing of the Debian packages in .ci/packages: install-packages.sh TARGET...
# As root, or through sudo. When nothing is missing it changes nothing and needs no rights.
set -eu

list=$(dirname "$0")/packages
kernel=linux-image-cloud-amd64

die() {
	echo "packages: $*" >&2
	exit 1
}

command -v dpkg-query >/dev/null || die "this machine has no dpkg; needed are the programs of $list"

# Names of the packages for the targets given.
wanted() {
	for target; do
		awk -v t="$target" '$1 == t { print $2 }' "$list"
	done
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Whether apt's lists offer the packages: a fresh machine has none. The demo guest is downloaded too.
offered() {
	for p; do
		apt-cache --no-all-versions show "$p" >/dev/null 2>&1 || return 1
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "neither root nor sudo; as root: apt-get install --no-install-recommends $missing"
	fi
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null
}

missing=
for p in $(wanted "$@"); do
	installed "$p" || missing="$missing $p"
done

# shellcheck disable=SC2086 # a list of words
if ! offered $kernel $missing; then
	apt_get update || die "apt-get update failed"
fi
[ -n "$missing" ] || exit 0
echo "packages: installing$missing"
# shellcheck disable=SC2086
apt_get install --no-install-recommends $missing || {
	# Lists that are older than the archive name files that are gone.
	apt_get update && apt_get install --no-install-recommends $missing
} || die "cannot install$missing"
