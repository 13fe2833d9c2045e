#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark: boots the bench guest and the Debian guest under -icount, where one tick of the TSC
is one instruction and one nanosecond, and writes tests/bench/results.md."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))
from guests import debian, elf_path, raw, tiny  # noqa: E402
from machine import BUILD, ICOUNT, PROMPT, ROOT, Failure, Machine, pack  # noqa: E402
from run import write_guests  # noqa: E402

OPTS = "when_idle=poweroff log_times=on"

# name, what it is, Xen 4.17.7, KVM of Linux 6.1 (tests/README.md says how they were measured)
OPERATIONS = [
    ("port_read", "port read, nothing behind it", 1098, 1453),
    ("port_write_e9", "port write 0xE9", 998, 3075),
    ("cpuid_0", "CPUID leaf 0", 5356, 2773),
    ("null_hypercall", "null hypercall (xen_version)", 5483, 3006),
    ("rdmsr_efer", "RDMSR EFER", 5270, 2838),
    ("wrmsr_efer", "WRMSR EFER", 5363, 2862),
    ("x2apic_tpr_write", "x2APIC TPR write", 5747, 2931),
    ("xapic_tpr_read", "xAPIC TPR read (MMIO)", 13930, 3635),
    ("x2apic_self_ipi", "self-IPI up to EOI, x2APIC", 12219, 9386),
    ("timer_arm", "arm a timer (singleshot)", 10385, 6519),
    ("event_send_masked", "event channel send to self, masked", 10174, None),
    ("event_send_upcall", "event channel send to self, with upcall", 10915, None),
    ("sched_yield", "sched_op yield", 7265, None),
    ("grant_query_size", "grant_table_op query_size", 13376, None),
    ("page_give_take", "give back and take one 4 KiB page", 36115, 5887),
    ("mov_cr4", "MOV CR4", 13042, 3373),
    ("timer_hlt_late_ns", "1 ms timer with HLT: lateness, ns", 6500, 3221),
]
FURTHER = [
    ("calibration_2001", "2,001 instructions"), ("set_timer_op", "set_timer_op"),
    ("hlt_with_event", "STI; HLT with an event pending"), ("xapic_tpr_write", "xAPIC TPR write (MMIO)"),
    ("xapic_eoi", "xAPIC EOI (MMIO)"), ("xapic_self_ipi", "self-IPI up to EOI, xAPIC"),
    ("x2apic_tpr_read", "x2APIC TPR read"), ("x2apic_eoi", "x2APIC EOI"),
]


def boot(name, guests, memory=2048, timeout=300, opts=OPTS, script=None):
    class Case:
        pass
    case = Case()
    case.guests = guests
    folder = os.path.join(BUILD, "bench-" + name)
    write_guests(case, folder)
    pack(folder, folder + ".iso", opts)
    machine = Machine(folder + ".iso", folder + ".log", memory=memory, extra=ICOUNT)
    try:
        if script:
            script(machine)
        machine.wait_end(timeout)
        return machine.text()
    finally:
        machine.stop()


def stamp(text, pattern):
    m = re.search(r"^[^\n]*?\[ *(\d+\.\d{6})\] [^\n]*?(?:%s)" % pattern, text, re.M)
    if not m:
        raise Failure("no stamped line with %r" % pattern)
    return float(m.group(1))


def measure_operations():
    text = boot("ops", [tiny("bench", verdict=False)])
    found = {m.group(1): int(m.group(2)) for m in re.finditer(r"\bBENCH (\w+) (\d+)", text)}
    if "bench| PASS" not in text:
        raise Failure("the bench guest did not finish: " + text[-600:])
    if found.get("calibration_2001") != 2001:
        raise Failure("2,001 instructions took %s ticks" % found.get("calibration_2001"))
    return found


def measure_create():
    # The refused configuration comes first: its line is the moment before `create` of the other.
    # A Debian guest of 128 MiB; "off" powers off as soon as its userspace runs.
    guests = [raw("aa", "mark = 1\n"), debian("deb", "off")]
    text = boot("create", guests)
    began, ended = stamp(text, r"aa\.cfg:1: "), stamp(text, r"deb\| plinth-userspace")
    returned = stamp(text, r"deb\.cfg: started")
    return began, returned, ended


def measure_system():
    result = {}

    def number(info, key):
        return int(re.search(r"^%s\s*: (\d+)" % key, info, re.M).group(1))

    # A guest that is refused at boot, so that the prompt comes first; created by hand later.
    guests = [debian("deb", "wait")]
    boot_text = boot("prompt", [raw("aa", "mark = 1\n")], opts=OPTS.replace("when_idle=poweroff ", ""),
                     script=lambda m: (m.expect(PROMPT, 120), m.send("host-poweroff\r")))
    result["prompt"] = stamp(boot_text, r"ready$|ready\s*$")

    def idle(m):
        m.expect(PROMPT, 120)
        m.expect(r"deb\| plinth-userspace", 120)
        result["with_guest"] = m.command("info")
        m.command("destroy deb")
        result["info"] = m.command("info")
        m.send("host-poweroff\r")

    boot("memory", guests, opts=OPTS.replace("when_idle=poweroff ", ""), script=idle)
    free = number(result["info"], "free_memory_kib")
    result["own_mib"] = (2048 * 1024 - free) / 1024
    result["guest_kib"] = free - number(result["with_guest"], "free_memory_kib") - 128 * 1024
    return result


def source_lines(*folders):
    """Lines without blanks and comments, as `make check` counts them."""
    r = subprocess.run([sys.executable, "tests/lines.py", *folders], cwd=ROOT,
                       stdout=subprocess.PIPE)
    return int(re.search(r"^all\s+(\d+)", r.stdout.decode(), re.M).group(1))


def size(path):
    return os.path.getsize(os.path.join(ROOT, path)) if os.path.exists(os.path.join(ROOT, path)) else 0


def main():
    rows, failed = [], 0
    found = measure_operations()
    out = ["# What Plinth costs", "",
           "Made by `make bench`: QEMU, TCG, one CPU, `-icount shift=0,sleep=off`, so that a tick is an",
           "instruction, guest and hypervisor together. Medians of 51, net of an empty operation.", "",
           "| operation | Plinth | Xen 4.17 | KVM 6.1 | fewer than the better one |", "|---|---|---|---|---|"]
    for name, what, xen, kvm in OPERATIONS:
        value, best = found.get(name), min(x for x in (xen, kvm) if x)
        ok = value is not None and value < best
        failed += not ok
        out.append("| %s | %s | %s | %s | %s |" % (
            what, "-" if value is None else format(value, ","), format(xen, ","),
            "-" if kvm is None else format(kvm, ","), "yes" if ok else "**no**"))
    out += ["", "| further | Plinth |", "|---|---|"]
    out += ["| %s | %s |" % (what, format(found[name], ",")) for name, what in FURTHER if name in found]

    began, returned, ended = measure_create()
    system = measure_system()
    lines = source_lines("boot", "arch", "core", "svm", "ept", "sched")
    musts = [
        ("hypervisor's first line to the prompt, virtual s", "%.3f" % system["prompt"], "0.5", "9.4",
         system["prompt"] <= 0.5),
        ("`create` of the Debian guest (128 MiB, 1 vCPU) to its userspace, virtual s",
         "%.3f" % (ended - began), "1.7", "2.11", ended - began <= 1.7),
        ("of these: until `create` returned", "%.3f" % (returned - began), "", "0.55", True),
        ("memory of hypervisor and control domain on a 2 GiB machine, MiB",
         "%.1f" % system["own_mib"], "48", "215", system["own_mib"] <= 48),
        ("a guest's cost beyond its own RAM, KiB", "%d" % system["guest_kib"], "512", "2048",
         system["guest_kib"] <= 512),
        ("hypervisor source with AMD's half, lines of code", format(lines, ","), "12,000", "",
         lines <= 12000),
        ("vmx/, Intel's half, lines of code", format(source_lines("vmx"), ","), "", "", True),
        ("include/, which both images share, lines of code", format(source_lines("include"), ","),
         "", "", True),
        ("hypervisor image, bytes", format(size("build/plinth.boot.elf"), ","), "", "2,560,000", True),
        ("control domain image, bytes", format(size("build/dom0.elf"), ","), "", "", True),
    ]
    out += ["", "| whole system | Plinth | must | Xen 4.17 | kept |", "|---|---|---|---|---|"]
    for what, value, must, xen, ok in musts:
        failed += not ok
        out.append("| %s | %s | %s | %s | %s |" % (what, value, must or "-", xen or "-",
                                                  "yes" if ok else "**no**"))
    text = "\n".join(out) + "\n"
    print(text)
    with open(os.path.join(HERE, "results.md"), "w") as f:
        f.write(text)
    print("%d figures, %d not kept" % (len(OPERATIONS) + len(musts), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    os.makedirs(BUILD, exist_ok=True)
    sys.exit(main())
