#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Proves that no driver or control-domain code is in the hypervisor: symbols.py BUILD HV_FOLDER...

- every compilation unit that the image's debug information names lies in one of the folders;
- every symbol of the image is defined by an object of these folders or by the linker script;
- no object of the control domain defines a global name that the image has, but for the names that
  each image has for itself;
- no source of the folders includes a header from outside them and include/."""
import os
import re
import subprocess
import sys

# The C library's names that a compiler calls by itself; what each image has of its own, under the
# same name: its last resort, its page tables, its traps, the console's output.
BOTH_IMAGES = {"memcpy", "memmove", "memset", "memcmp", "strlen", "strcmp", "strncmp", "strchr",
               "strnlen", "panic", "paging_init", "trap_stubs", "console_write"}


def output(*args):
    return subprocess.run(args, stdout=subprocess.PIPE, check=True).stdout.decode()


def objects(folder):
    return sorted(os.path.join(path, name) for path, _, names in os.walk(folder)
                  for name in names if name.endswith(".o"))


def defined(files, only_global):
    """Names defined in the files."""
    names = set()
    for line in output("nm", "--defined-only", "-P", *files).splitlines():
        m = re.match(r"(\S+) (\w) ", line)
        if m and (m.group(2).isupper() or not only_global):
            names.add(m.group(1))
    return names


def units(image):
    """The source names of the compilation units with code."""
    text = output("readelf", "--debug-dump=info", "--dwarf-depth=1", image)
    return re.findall(r"DW_AT_name\s*:\s*(?:\(.*?\):\s*)?(\S+)", text)


def includes(folder):
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".c", ".h", ".S")):
                file = os.path.join(path, name)
                with open(file, encoding="utf-8") as f:
                    for header in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)', f.read(), re.M):
                        yield file, header


def main():
    build, folders = sys.argv[1], sys.argv[2:]
    image = os.path.join(build, "plinth.elf")
    bad = []

    found = units(image)
    if not found:
        bad.append("%s has no debug information" % image)
    for unit in found:
        if unit.split("/")[0] not in folders:
            bad.append("compilation unit %s" % unit)

    own = [o for o in objects(os.path.join(build, "hv"))]
    inside = {f: [o for o in own if o.startswith(os.path.join(build, "hv", f) + "/")]
              for f in folders}
    tables = [o for o in own if re.fullmatch(r"symbols\d\.o", os.path.basename(o))]
    outside = set(own) - set(tables) - {o for f in inside.values() for o in f}
    bad += ["object %s" % o for o in sorted(outside)]
    known = defined([o for f in inside.values() for o in f] + tables, False)
    with open(os.path.join(build, "hv", "linker.ld"), encoding="utf-8") as f:
        known |= set(re.findall(r"(\w+)\s*=", f.read()))
    names = defined([image], False)
    bad += ["symbol %s from nowhere known" % n for n in sorted(names - known)]

    theirs = objects(os.path.join(build, "dom0"))
    both = defined(theirs, True) & names if theirs else set()
    bad += ["symbol %s, which the control domain also has" % n for n in sorted(both - BOTH_IMAGES)]

    for folder in folders:
        for file, header in includes(folder):
            if not (os.path.exists(os.path.join("include", header)) or
                    header.split("/")[0] in folders or
                    header in ("stdarg.h", "stdbool.h", "stddef.h", "stdint.h")):
                bad.append("%s includes <%s>" % (file, header))

    for line in bad:
        print("in the hypervisor: " + line)
    print("%d compilation units, %d symbols, compared with %d objects of the control domain" %
          (len(found), len(names), len(theirs)))
    return 1 if bad or not theirs else 0


if __name__ == "__main__":
    sys.exit(main())
