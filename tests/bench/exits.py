#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How often a guest leaves while Debian boots to userspace, and why: exits.py. A plugin of QEMU writes
when the hypervisor enters a vCPU, what handles the exit, and each character on the serial line: a
line of the log is a point in that order."""
import collections
import os
import re
import sys

from measure import BUILD, HERE, ROOT, Failure, boot
from guests import debian  # measure.py says where it is
from machine import run

MUST = 6000
FIRST, LAST = "Plinth hypervisor", "deb| plinth-userspace"
# Functions by whose call an exit is known; the last one called in an exit names it.
HANDLERS = re.compile(r"exit_(?!decode|handle|entry|rule)\w+|hypercall_exit|do_\w+|port_io_exit|"
                      r"nested_fault_exit|vapic_mmio_(?:read|write)|event_send|msr_(?:read|write)")


def places():
    """(name, address) of what the plugin shall see; VMRUN first."""
    found, function = [], ""
    for line in run(["objdump", "-d", "--no-show-raw-insn",
                     os.path.join(ROOT, "build/plinth.elf")]).splitlines():
        m = re.match(r"([0-9a-f]+) <([\w]+)[\w.]*>:", line)
        if m:
            function = m.group(2)
            if HANDLERS.fullmatch(function):
                found.append((function, m.group(1)))
            continue
        m = re.match(r"([0-9a-f]+):\s+(\w+)", line)
        if m and (function, m.group(2)) in (("svm_enter", "vmrun"), ("serial_write", "out")):
            found.append((m.group(2), m.group(1)))
    found.sort(key=lambda f: f[0] != "vmrun")
    names = [n for n, _ in found]
    if names.count("vmrun") != 1 or names.count("out") != 1:
        raise Failure("svm_enter or serial_write is not what it was")
    return found


def trace():
    """The log, and what the plugin saw, by name."""
    marks = places()
    plugin, out = os.path.join(BUILD, "trace.so"), os.path.join(BUILD, "trace.out")
    os.makedirs(BUILD, exist_ok=True)
    run(["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", plugin,
         os.path.join(HERE, "trace_plugin.c")])
    text = boot("exits", [debian("deb", "off")],
                extra=("-plugin", ",".join([plugin, "out=" + out] + ["at=" + at for _, at in marks])))
    names = {255: "control", 254: "guest", **{i: name for i, (name, _) in enumerate(marks)}}
    with open(out, "rb") as f:
        return text, [names[b] for b in f.read()]


def window(text):
    """How many characters the hypervisor had sent when the line LAST was complete."""
    first, last = text.find(FIRST), text.find(LAST)
    if first < 0 or last < 0:
        raise Failure("the Debian guest did not come to its userspace")
    begin = text.rfind("\n", 0, first) + 1
    part = text[begin:text.index("\n", last) + 1]
    return len(part) + part.count("\n")  # each line ends with CR LF


def count():
    """Exits by handler of the guest until its userspace, and of the control domain meanwhile."""
    text, seen = trace()
    end, characters = window(text), 0
    kinds = {"guest": collections.Counter(), "control": collections.Counter()}
    who, why, began = None, "", False
    for name in seen:
        if name == "out":
            characters += 1
            if characters == end:
                return kinds["guest"], kinds["control"]
        elif name == "vmrun":
            if began:
                kinds[who][why] += 1
            why = "host interrupt"
        elif name in kinds:
            who = name
            began = began or name == "guest"
        else:
            why = name
    raise Failure("%d characters instead of %d" % (characters, end))


def main():
    guest, control = count()
    for what, kinds in (("the guest", guest), ("the control domain meanwhile", control)):
        print("%s: %d exits" % (what, sum(kinds.values())))
        for kind, n in kinds.most_common():
            print("    %6d  %s" % (n, kind))
    return 0 if sum(guest.values()) <= MUST else 1


if __name__ == "__main__":
    sys.exit(main())
