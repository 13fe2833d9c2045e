#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's disk costs: instructions and exits for each request, and rates of a guest, of the
control domain and of Linux on the bare emulator with the same device. disk.py [profile]: also where
the instructions go. The device is QEMU's NVMe without a medium behind it (null-co)."""
import os
import re
import statistics
import sys

from measure import BUILD, HERE, ROOT, Failure
from guests import tiny  # measure.py says where it is
from machine import PROMPT, Machine, pack, run
from profile import Symbols
from run import write_guests

# name, bytes, depth, requests of the guest, as disk_bench.c has them
WORKLOADS = [("%s_%s_%d" % (order, op, depth), order, op, depth)
             for order in ("seq", "rand") for op in ("read", "write") for depth in (1, 32)]
COUNTS = {("seq", 1): 500, ("seq", 32): 3000, ("rand", 1): 2000, ("rand", 32): 20000}
BYTES = {"seq": 131072, "rand": 4096}
WORDS = {"seq": "sequential 128 KiB", "rand": "random 4 KiB"}
MUST_INSTRUCTIONS, MUST_EXITS, MUST_SHARE = 6000, 1, 0.90
ROUNDS = 3


def null_disks(n):
    """QEMU's words for n NVMe disks of 1 GiB that read as zeroes and forget what is written."""
    words = []
    for i in range(n):
        words += ["-blockdev", "driver=null-co,node-name=d%d,size=1073741824,read-zeroes=on" % i,
                  "-device", "nvme,drive=d%d,serial=plinth%d" % (i, i)]
    return tuple(words)


def bench_guest(words=""):
    g = tiny("disk_bench", verdict=False, memory=64, cmdline=words)
    g.more = "disk = ['phy:nvme0n1,xvda,w']\n"
    return g


def image(name, guests, opts):
    class Case:
        pass
    case = Case()
    case.guests = guests
    folder = os.path.join(BUILD, "bench-" + name)
    os.makedirs(BUILD, exist_ok=True)
    write_guests(case, folder)
    pack(folder, folder + ".iso", opts)
    return folder


def build_plugin(name):
    plugin = os.path.join(BUILD, name + ".so")
    run(["gcc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", plugin,
         os.path.join(HERE, name + "_plugin.c")])
    return plugin


# ---- instructions and exits --------------------------------------------------------------------

class Record:
    def __init__(self, line):
        self.guest, self.to_guest, self.to_control = map(int, line.split()[1:])
        self.hypervisor, self.control, self.places = 0, 0, {}

    def add(self, line):
        at, n = line.split()
        at, n = int(at, 16), int(n)
        self.places[at] = n
        if at >= 0xFFFFFFFF80200000:
            self.hypervisor += n
        else:
            self.control += n


def read_records(path):
    records = []
    with open(path, encoding="ascii") as f:
        for line in f:
            if line.startswith("record"):
                records.append(Record(line))
            else:
                records[-1].add(line)
    return records


def count(words=""):
    """{workload: (requests, record)}"""
    folder = image("disk-count", [bench_guest(words)], "when_idle=poweroff")
    out = folder + ".counts"
    machine = Machine(folder + ".iso", folder + ".log", memory=1024,
                      extra=null_disks(1) + ("-plugin", build_plugin("count") + ",out=" + out))
    try:
        machine.wait_end(300)
        text = machine.text()
    finally:
        machine.stop()
    requests = {m[0]: int(m[1]) for m in re.findall(r"\bDISK (\w+) (\d+) \d+", text)}
    records = read_records(out)
    if "disk_bench| PASS" not in text or len(records) != len(WORKLOADS):
        raise Failure("the disk bench guest did not finish: %s" % text[-600:])
    return {w[0]: (requests[w[0]], r) for w, r in zip(WORKLOADS, records)}


# ---- rates -------------------------------------------------------------------------------------

def guest_rates(text):
    return {m[0]: int(m[1]) * 1e9 / int(m[2]) for m in re.findall(r"\bDISK (\w+) (\d+) (\d+)", text)}


def own_rates(machine):
    """The control domain's own, in requests a second."""
    found = {}
    for name, order, op, depth in WORKLOADS:
        n = COUNTS[order, depth]
        machine.send("disk-bench nvme1n1 %s -b %d -d %d -n %d%s%s\r" % (
            op, BYTES[order], depth, n, " -r" if order == "rand" else "",
            " write-destroys-data" if op == "write" else ""))
        m = machine.expect(r"disk-bench: nvme1n1 [^\n]* (\d+) ns, [^\n]* (\d+) failed", 120)
        if int(m.group(2)):
            raise Failure("disk-bench: requests failed")
        found[name] = n * 1e9 / int(m.group(1))
    return found


def measure_rates():
    """[{workload: requests a second}] of the guest and of the control domain, a pair for each round."""
    folder = image("disk-rates", [bench_guest()], "when_idle=prompt")
    guest, own = [], []
    machine = Machine(folder + ".iso", folder + ".log", memory=1024, extra=null_disks(2))
    try:
        for n in range(ROUNDS):
            if n:
                machine.send("create disk_bench.cfg\r")
            start = machine.position
            machine.expect(r"disk_bench\| PASS", 120)
            guest.append(guest_rates(machine.text()[start:]))
            own.append(own_rates(machine))
        machine.send("host-poweroff\r")
        machine.wait_end(30)
    finally:
        machine.stop()
    return guest, own


def show_profile(found, name):
    requests, record = found[name]
    tables = [(0xFFFFFFFF80200000, Symbols(os.path.join(ROOT, "build/plinth.elf"))),
              (0, Symbols(os.path.join(ROOT, "build/dom0.debug.elf")))]
    by_function = {}
    for at, n in record.places.items():
        first, symbols = tables[at < 0xFFFFFFFF80200000]
        key = ("hypervisor" if first else "control   ", symbols.name(at))
        by_function[key] = by_function.get(key, 0) + n / requests
    print("%s, instructions of each request:" % name)
    for (whose, function), n in sorted(by_function.items(), key=lambda x: -x[1]):
        if n >= 1:
            print("    %7.1f  %s  %s" % (n, whose, function))


def main():
    if "profile" in sys.argv[1:]:
        found = count()
        for name, (n, r) in found.items():
            print("%-14s hypervisor %7.0f, control domain %7.0f, guest %6.0f; entries of the guest %6.3f, "
                  "of the control domain %6.3f" % (name, r.hypervisor / n, r.control / n, r.guest / n,
                                                   r.to_guest / n, r.to_control / n))
        for name in sys.argv[2:]:
            show_profile(found, name)
        return 0
    guest, own = measure_rates()
    for name, *_ in WORKLOADS:
        g, o = ([r[name] for r in x] for x in (guest, own))
        print("%-14s guest %s own %s ratio %.2f" % (name, [int(x) for x in g], [int(x) for x in o],
              statistics.median(a / b for a, b in zip(g, o))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
