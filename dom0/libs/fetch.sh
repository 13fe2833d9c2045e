#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Fetches the libraries' sources at the pinned versions and unpacks each into DIR/PACKAGE.
# usage: fetch.sh VERSIONS_FILE DIR      (environment: LIB_VERSIONS, see below)
#
# apt does the transfer and checks the archive's signature, then each file's hash. A machine
# normally has no deb-src entry, so a private list is derived from its own configuration; the
# system's lists are neither read nor written. LIB_VERSIONS="pkg=version ..." overrides pins;
# the version "newest" takes what the archive offers.
set -eu

versions=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
apt=$dir/.apt

die() {
	echo "libraries: $*" >&2
	exit 1
}

# One-line entries: "deb [options] uri suite component..."; a source entry beside each.
# trusted=yes and its like are dropped, since they would switch the signature check off.
derive_list() {
	awk '/^[ \t]*deb(-src)?[ \t]/ && !/cdrom:/ {
		gsub(/(trusted|allow-insecure|allow-weak|arch)=[^] \t]*/, "")
		sub(/\[[ \t]*\]/, "")
		sub(/^[ \t]*deb(-src)?/, "")
		print "deb" $0
		print "deb-src" $0
	}' "$1"
}

# Stanzas in deb822 form.
derive_sources() {
	awk -F: 'tolower($1) == "types" { print "Types: deb deb-src"; next }
		tolower($1) ~ /^(trusted|allow-insecure|allow-weak|architectures)$/ { next }
		/^#/ { next }
		{ print }' "$1"
}

derive_apt_config() {
	rm -rf "$apt"
	mkdir -p "$apt/parts" "$apt/lists/partial" "$apt/cache/archives/partial"
	eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
	n=0
	for f in "$list" "$parts"/*.list "$parts"/*.sources; do
		[ -f "$f" ] || continue
		n=$((n + 1))
		case $f in
		*.sources) derive_sources "$f" >"$apt/parts/$n.sources" ;;
		*) derive_list "$f" >"$apt/parts/$n.list" ;;
		esac
	done
	[ $n -gt 0 ] || die "apt has no sources configured on this machine"
	cat >"$apt/apt.conf" <<-END
		Dir::Etc::sourcelist "/dev/null";
		Dir::Etc::sourceparts "$apt/parts";
		Dir::State::lists "$apt/lists";
		Dir::Cache "$apt/cache";
		Acquire::AllowInsecureRepositories "false";
		Acquire::AllowWeakRepositories "false";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::Retries "3";
		APT::Get::AllowUnauthenticated "false";
		APT::Sandbox::User "$(id -un)";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
}

# Versions of package $1 on offer, newest first. A binary package's own index, or the sources'.
on_offer() {
	case $1 in
	newlib-source) kind=Packages ;;
	*) kind=Sources ;;
	esac
	apt-cache -c "$apt/apt.conf" madison "$1" |
		awk -F'|' -v kind="$kind" '$3 ~ kind "$" { gsub(/ /, "", $2); print $2 }'
}

# The version to take of package $1, or none with a line that says what to do.
choose() {
	offered=$(on_offer "$1")
	wanted=$(sed -n "s/^$1=//p" "$versions")
	for o in ${LIB_VERSIONS:-}; do
		case $o in
		"$1=newest") wanted=$(echo "$offered" | head -n 1) ;;
		"$1="*) wanted=${o#*=} ;;
		esac
	done
	for v in $wanted; do
		if echo "$offered" | grep -qxF -e "$v"; then
			echo "$v"
			return
		fi
	done
	echo "libraries: $1 is pinned to" $wanted "but apt offers:" ${offered:-nothing} >&2
	echo "libraries: to take another one: make LIB_VERSIONS=\"$1=VERSION\" (or \"$1=newest\")" >&2
	return 1
}

# Downloads package $1 at version $2 into the current folder and unpacks it into ./tree.
get() {
	case $1 in
	newlib-source)
		apt-get -q -c "$apt/apt.conf" download "$1=$2"
		dpkg-deb -x ./*.deb pkg
		mkdir tree
		tar -xf pkg/usr/src/newlib/newlib-*.tar.* -C tree --strip-components=1
		;;
	*)
		apt-get -q -c "$apt/apt.conf" source --only-source --download-only "$1=$2"
		# The hashes come from apt's signed index: the .dsc needs no key ring of its own.
		dpkg-source --no-check -x ./*.dsc tree
		;;
	esac
}

packages=$(sed -n 's/^\([a-z0-9.+-]*\)=.*/\1/p' "$versions" | awk '!seen[$0]++')
derive_apt_config
# A third party's entry may have no sources; what counts is whether ours are found below.
apt-get -q -c "$apt/apt.conf" update || echo "libraries: apt-get update had errors" >&2

missing=0
for p in $packages; do
	if v=$(choose "$p"); then
		echo "$v" >"$apt/$p.version"
	else
		missing=1
	fi
done
[ $missing = 0 ] || exit 1

for p in $packages; do
	v=$(cat "$apt/$p.version")
	if [ "$(cat "$dir/$p.version" 2>/dev/null)" = "$v" ]; then
		continue
	fi
	work=$dir/.get
	rm -rf "$work" "${dir:?}/$p" "$dir/$p.version"
	mkdir "$work"
	(cd "$work" && get "$p" "$v") || die "cannot fetch $p $v"
	mv "$work/tree" "$dir/$p"
	rm -rf "$work"
	echo "$v" >"$dir/$p.version"
done
rm -rf "$apt"
