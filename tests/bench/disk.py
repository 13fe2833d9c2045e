#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a guest's disk costs: instructions and exits for each request, and rates of a guest, of the
control domain itself and of Linux, as a guest and on the bare emulator, with the same device.
disk.py: the table of results.md. disk.py profile [linux] [WORKLOAD...]: where the instructions go,
of the small guest's requests or of Linux's.

The devices are QEMU's NVMe with nothing behind it: what is read is zero, what is written is forgotten
(null-co). One is as fast as the emulator is, on the other QEMU holds the rate down to that of a disk:
LIMIT. The first shows what each request costs, the second whether a disk is kept busy."""
import os
import re
import statistics
import subprocess
import sys
import time

from measure import BUILD, HERE, ROOT, Failure
from guests import DEBIAN, Guest, tiny  # measure.py says where it is
from machine import QEMU, Machine, pack, run
from profile import Symbols
from run import write_guests

WORKLOADS = [("%s_%s_%d" % (order, op, depth), order, op, depth)
             for order in ("seq", "rand") for op in ("read", "write") for depth in (1, 32)]
# Requests, as disk_bench.c has them.
COUNTS = {("seq", 1): 500, ("seq", 32): 3000, ("rand", 1): 2000, ("rand", 32): 20000}
BYTES = {"seq": 131072, "rand": 4096}
WORDS = {"seq": "sequential 128 KiB", "rand": "random 4 KiB"}
MUST_INSTRUCTIONS, MUST_EXITS, MUST_SHARE = 6000, 1, 0.90
ROUNDS = 3
SLACK = 0.05  # exits of one request
LIMIT = 256 << 20  # bytes a second
CONTROL_FIRST, TEXT_FIRST = 0xFFFFFFFF80000000, 0xFFFFFFFF80200000


def disks(*limits):
    """QEMU's words for NVMe disks of 1 GiB, with a limit of the rate or None."""
    words = []
    for i, limit in enumerate(limits):
        words += ["-blockdev", "driver=null-co,node-name=n%d,size=%d,read-zeroes=on" % (i, 1 << 30)]
        if limit:
            words += ["-object", "throttle-group,id=t%d,x-bps-total=%d" % (i, limit),
                      "-blockdev", "driver=throttle,node-name=l%d,throttle-group=t%d,file=n%d" % (i, i, i)]
        words += ["-device", "nvme,drive=%s%d,serial=plinth%d" % ("l" if limit else "n", i, i)]
    return tuple(words)


def bench_guest(name="disk_bench", disk="nvme0n1", words=""):
    g = tiny(name, verdict=False, elf="disk_bench", memory=64, cmdline=words)
    g.more = "disk = ['phy:%s,xvda,w']\n" % disk
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
        if at >= TEXT_FIRST:
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


def count_guest(name, guest, extra, done, timeout):
    """{workload: (requests, record)}; nothing else may make a record before."""
    folder = image(name, [guest], "when_idle=poweroff")
    out = folder + ".counts"
    machine = Machine(folder + ".iso", folder + ".log", memory=1024,
                      extra=extra + ("-plugin", build_plugin("count") + ",out=" + out))
    try:
        machine.wait_end(timeout)
        text = machine.text()
    finally:
        machine.stop()
    requests = {}
    for what, n in re.findall(r"\bDISK (\w+) (\d+) \d+", text):
        requests.setdefault(what, int(n))
    records = read_records(out)
    if done not in text or len(records) < len(WORKLOADS) or len(requests) != len(WORKLOADS):
        raise Failure("%s did not finish: %s" % (guest.name, text[-600:]))
    return {w[0]: (requests[w[0]], r) for w, r in zip(WORKLOADS, records)}


def count():
    return count_guest("disk-count", bench_guest(), disks(None), "disk_bench| PASS", 300)


def count_linux():
    return count_guest("disk-count-linux", linux_guest(), disks(None, None), "DISK done", 600)


# ---- Linux -------------------------------------------------------------------------------------

def linux_initrd():
    """The demo's, and a second archive behind it."""
    tree = os.path.join(BUILD, "bench-linux-tree")
    os.makedirs(os.path.join(tree, "bin"), exist_ok=True)
    program = os.path.join(tree, "bin", "linux_disk_bench")
    run(["gcc", "-O2", "-s", "-static", "-Wall", "-Wextra", "-Werror", "-o", program,
         os.path.join(HERE, "linux_disk_bench.c")])
    run(["install", "-m", "755", os.path.join(HERE, "linux_disk_init"), os.path.join(tree, "disk-init")])
    names = b"bin/linux_disk_bench\ndisk-init\n"
    archive = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=tree, input=names,
                             stdout=subprocess.PIPE, check=True).stdout
    with open(os.path.join(ROOT, DEBIAN, "initrd"), "rb") as f:
        return f.read() + archive


LINUX_WORDS = "quiet cryptomgr.notests rdinit=/disk-init "


def linux_guest():
    g = Guest("linux", {"vmlinuz": DEBIAN + "/vmlinuz", "initrd": linux_initrd}, kernel="vmlinuz",
              ramdisk="initrd", memory=256, vcpus=1, cmdline=LINUX_WORDS + "console=hvc0",
              plinth_console="log")
    g.more = "disk = ['phy:nvme0n1,xvda,w', 'phy:nvme1n1,xvdb,w']\n"
    return g


def linux_bare():
    """Up to three tries: bare Linux in QEMU was seen to hang, where no part of Plinth runs."""
    for left in (2, 1, 0):
        try:
            return linux_bare_once()
        except subprocess.TimeoutExpired:
            if not left:
                raise Failure("bare Linux hangs in QEMU") from None


def linux_bare_once():
    """The log of the same kernel and program with the same devices, without Plinth."""
    initrd = os.path.join(BUILD, "bench-linux.initrd")
    with open(initrd, "wb") as f:
        f.write(linux_initrd())
    r = subprocess.run(
        [QEMU, "-machine", "q35", "-accel", "tcg", "-cpu", "EPYC,check=off", "-m", "512M", "-nodefaults",
         "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-kernel",
         os.path.join(ROOT, DEBIAN, "vmlinuz"), "-initrd", initrd, "-append",
         LINUX_WORDS + "console=ttyS0", *disks(None, LIMIT)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90)
    return r.stdout.decode("latin-1").replace("\r", "")


def linux_on_plinth():
    folder = image("disk-linux", [linux_guest()], "when_idle=poweroff")
    machine = Machine(folder + ".iso", folder + ".log", memory=1024, extra=disks(None, LIMIT))
    try:
        machine.wait_end(300)
        return machine.text()
    finally:
        machine.stop()


def linux_rates(text):
    """Of the fast disk and of the limited one."""
    if text.count("DISK done") != 2:
        raise Failure("Linux's benchmark did not finish: %s" % text[-600:])
    return tuple(rates(part) for part in text.split("DISK device")[1:])


# ---- rates -------------------------------------------------------------------------------------

def rates(text):
    """{workload: requests a second}"""
    return {m[0]: int(m[1]) * 1e9 / int(m[2]) for m in re.findall(r"\bDISK (\w+) (\d+) (\d+)", text)}


def own_rate(machine, disk, words, n):
    """Until who had the disk before has let go of it, this is refused."""
    for _ in range(100):
        machine.send("disk-bench %s %s\r" % (disk, words))
        m = machine.expect(r"another one is still running|is in use for writing by|"
                           r"disk-bench: %s [^\n]* (\d+) ns, [^\n]* (\d+) failed" % disk, 120)
        if m.group(1):
            if int(m.group(2)):
                raise Failure("disk-bench: requests failed")
            return n * 1e9 / int(m.group(1))
        time.sleep(0.1)
    raise Failure("disk-bench does not end")


def own_rates(machine, disk, orders):
    """The control domain's own."""
    return {name: own_rate(machine, disk, "%s -b %d -d %d -n %d%s%s" % (
        op, BYTES[order], depth, COUNTS[order, depth], " -r" if order == "rand" else "",
        " write-destroys-data" if op == "write" else ""), COUNTS[order, depth])
            for name, order, op, depth in WORKLOADS if order in orders}


def one_round(machine, guest, disk, orders):
    """Rates of the guest and of the control domain itself, one right behind the other."""
    start = machine.position
    machine.send("create %s.cfg\r" % guest)
    machine.expect(r"%s\| PASS" % guest, 120)
    machine.expect(r"%s \(domain \d+\) powered off" % guest, 30)
    return rates(bytes(machine.buffer[start:machine.position]).decode("latin-1")), own_rates(machine, disk, orders)


def measure_rates():
    """A pair for each round, of the fast disk and of the limited one."""
    guests = [bench_guest(), bench_guest("limited", "nvme1n1", "sequential")]
    folder = image("disk-rates", guests, "when_idle=prompt")
    fast, limited = [], []
    machine = Machine(folder + ".iso", folder + ".log", memory=1024, extra=disks(None, LIMIT))
    try:
        for name in ("disk_bench", "limited"):  # started at boot, both at once: not measured
            machine.position = 0
            machine.expect(r"%s \(domain \d+\) powered off" % name, 120)
        machine.position = len(machine.buffer)
        for _ in range(ROUNDS):
            fast.append(one_round(machine, "disk_bench", "nvme0n1", ("seq", "rand")))
            limited.append(one_round(machine, "limited", "nvme1n1", ("seq",)))
        machine.send("host-poweroff\r")
        machine.wait_end(30)
    finally:
        machine.stop()
    return fast, limited


# ---- what is shown -----------------------------------------------------------------------------

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


def profile(names):
    found = count_linux() if "linux" in names else count()
    names = [n for n in names if n != "linux"]
    for name, (n, r) in found.items():
        print("%-14s hypervisor %7.0f, control domain %7.0f, guest %6.0f; entries of the guest %6.3f, "
              "of the control domain %6.3f" % (name, r.hypervisor / n, r.control / n, r.guest / n,
                                               r.to_guest / n, r.to_control / n))
    for name in names:
        show_profile(found, name)


def title(order, op, depth):
    return "%s %s, depth %d" % (WORDS[order], op, depth)


def kept(ok):
    return "yes" if ok else "**no**"


def median_pair(rounds, name):
    """Medians of both, and the median of the rounds' ratios."""
    pairs = [(guest[name], own[name]) for guest, own in rounds]
    return (statistics.median(g for g, _ in pairs), statistics.median(o for _, o in pairs),
            statistics.median(g / o for g, o in pairs))


def cost(found, name):
    """Of one request: instructions of the hypervisor and of the control domain, exits of the guest, world
    switches."""
    n, r = found[name]
    return r.hypervisor / n, r.control / n, r.to_guest / n, (r.to_guest + r.to_control) / n


def cost_title(order, op, depth):
    return title(order, op, depth) + ": cost"


def is_kept(hypervisor, control, exits_seen, *_):
    return hypervisor + control < MUST_INSTRUCTIONS and exits_seen < MUST_EXITS


def has_must(order, depth):
    return order == "rand" and depth == 32


def guarded(found):
    """What guard.py compares: (name, title of the row, figures). One at a time has more to do with when the
    processor sleeps than with what a request costs."""
    for name, order, op, depth in WORKLOADS:
        if depth == 32:
            yield "disk_" + name, cost_title(order, op, depth), list(cost(found, name))


def musts(found):
    """(name, all is well, what to say)"""
    for name, order, op, depth in WORKLOADS:
        if has_must(order, depth):
            c = cost(found, name)
            ok = is_kept(*c)
            yield "disk_must_" + name, ok, "" if ok else "%.0f instructions, %.3f exits" % (c[0] + c[1], c[2])


def cost_table(found, linux):
    out = ["| for each request | hypervisor, instructions | control domain, instructions | exits of the guest "
           "| world switches in all | exits of Linux as the guest | must | kept |", "|" + "---|" * 8]
    missed = 0
    for name, order, op, depth in WORKLOADS:
        hypervisor, control, exits_seen, switches = cost(found, name)
        of_linux = cost(linux, name)
        must = has_must(order, depth)
        ok = not must or is_kept(hypervisor, control, exits_seen) and is_kept(*of_linux)
        missed += not ok
        out.append("| %s | %s | %s | %.3f | %.3f | %.3f | %s | %s |" % (
            cost_title(order, op, depth), format(round(hypervisor), ","), format(round(control), ","), exits_seen,
            switches, of_linux[2], "%s instructions, %d exit" % (format(MUST_INSTRUCTIONS, ","), MUST_EXITS)
            if must else "-", kept(ok)))
    return out, missed


def rate_rows(rounds, orders, suffix, must, linux):
    missed = 0
    lines = []
    for name, order, op, depth in WORKLOADS:
        if order not in orders:
            continue
        guest, own, share = median_pair(rounds, name)
        bound = must and depth == 32
        ok = not bound or share >= MUST_SHARE
        missed += not ok
        bare, on_plinth = (statistics.median(r[name] for r in x) for x in linux)
        lines.append("| %s%s | %s | %s | %.0f %% | %s | %s | %s | %s | %.0f %% |" % (
            title(order, op, depth), suffix, format(round(own), ","), format(round(guest), ","), share * 100,
            "%.0f %%" % (MUST_SHARE * 100) if bound else "-", kept(ok), format(round(bare), ","),
            format(round(on_plinth), ","), on_plinth / bare * 100))
    return lines, missed


def rate_table():
    fast, limited = measure_rates()
    bare, guest = [], []
    for _ in range(ROUNDS):
        bare.append(linux_rates(linux_bare()))
        guest.append(linux_rates(linux_on_plinth()))
    out = ["| requests a second | control domain itself | guest | share | must | kept | Linux bare | Linux on "
           "Plinth | share |", "|" + "---|" * 9]
    lines, missed = rate_rows(limited, ("seq",), ", disk of %d MB/s" % (LIMIT >> 20), True,
                              [[r[1] for r in x] for x in (bare, guest)])
    more, _ = rate_rows(fast, ("seq", "rand"), ", disk without a limit", False,
                        [[r[0] for r in x] for x in (bare, guest)])
    return out + lines + more, missed


def table():
    """Lines of the tables of disks, and how many figures are not kept."""
    costs, missed = cost_table(count(), count_linux())
    speeds, slow = rate_table()
    out = ["", "## Disks", "",
           "QEMU's NVMe with nothing behind it (null-co), AMD-V, one CPU, no `-icount`. Counted by a plugin; how many",
           "requests share a notification varies, and the instructions with it. Rates are those of an emulator on a",
           "shared machine: medians of %d rounds, of which only the shares of one round are comparable." % ROUNDS,
           "A disk without a limit is as fast as a copy in memory, so its rates are those of instructions",
           "that an emulator executes; on the disk with a limit it is seen whether it is kept busy.", ""]
    return out + costs + [""] + speeds, missed + slow


def main():
    os.makedirs(BUILD, exist_ok=True)
    if sys.argv[1:2] == ["profile"]:
        profile(sys.argv[2:])
        return 0
    lines, missed = table()
    print("\n".join(lines))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
