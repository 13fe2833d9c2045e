#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of each operation go: `make bench-profile [OPS="..."]`. Boots the bench guest with
a plugin that counts, and prints the hypervisor's functions by their share."""
import bisect
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))
from guests import elf_path, tiny  # noqa: E402
from machine import BUILD, ICOUNT, ROOT, Machine, pack, run  # noqa: E402
from run import write_guests  # noqa: E402

# Places of the guest's library whose RDTSC measures nothing.
NOT_MEASURED = ("pvclock_read", "clock_ns")


class Symbols:
    def __init__(self, elf):
        lines = run(["nm", "-n", elf]).splitlines()
        pairs = [(int(p[0], 16), p[2]) for p in (x.split() for x in lines)
                 if len(p) == 3 and p[1] in "tTwW"]
        self.starts = [a for a, _ in pairs]
        self.names = [n for _, n in pairs]

    def name(self, at):
        i = bisect.bisect_right(self.starts, at) - 1
        return self.names[i] if i >= 0 else "?"


def measure():
    class Case:
        guests = [tiny("bench", verdict=False)]
    folder = os.path.join(BUILD, "profile")
    plugin, counts = folder + ".so", folder + ".counts"
    os.makedirs(BUILD, exist_ok=True)
    run(["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", plugin,
         os.path.join(HERE, "profile_plugin.c")])
    write_guests(Case, folder)
    pack(folder, folder + ".iso", "when_idle=poweroff")
    machine = Machine(folder + ".iso", folder + ".log", memory=2048,
                      extra=ICOUNT + ("-plugin", plugin + ",out=" + counts))
    try:
        machine.wait_end(300)
        return machine.text(), counts
    finally:
        machine.stop()


def places(counts):
    """(address, stretches, guest's instructions, {address: count}, median) in the order of appearance."""
    found = []
    with open(counts, encoding="ascii") as f:
        for line in f:
            words = line.split()
            if words[0] == "place":
                found.append((int(words[1], 16), int(words[2]), int(words[3]), {},
                              int(words[4])))
            else:
                found[-1][3][int(words[0], 16)] = int(words[1])
    return found


def main():
    text, counts = measure()
    benched = re.findall(r"\bBENCH (\w+) (\d+)", text)
    hypervisor = Symbols(os.path.join(ROOT, "build/plinth.elf"))
    guest = Symbols(elf_path("bench"))
    rounds = int(re.search(r"#define ROUNDS (\d+)", open(os.path.join(HERE, "bench.c")).read()).group(1))
    # A measured statement stands between two RDTSC in a loop: so often they follow each other, and
    # once less in the other order.
    ends = [p for p in places(counts) if guest.name(p[0]) not in NOT_MEASURED and p[1] == rounds]
    empty = int(dict(benched)["empty"])
    for name, ticks in benched[1:]:
        # In the order in which they run, and the same median; some operations are not of this form.
        fits = [p for p in ends if abs(p[4] - int(ticks) - empty) <= 1]
        if not fits:
            continue
        fit = fits[0]
        ends = ends[ends.index(fit) + 1:]
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        by_function = {}
        for at, n in fit[3].items():
            function = hypervisor.name(at)
            by_function[function] = by_function.get(function, 0) + n / fit[1]
        print("%s: %s ticks, of which in the guest %.0f" % (name, ticks, fit[2] / fit[1]))
        for function, n in sorted(by_function.items(), key=lambda x: -x[1]):
            if n >= 0.5:
                print("    %6.1f  %s" % (n, function))
    return 0


if __name__ == "__main__":
    sys.exit(main())
