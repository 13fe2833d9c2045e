#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark: boots the bench guest and the Debian guest where one tick of the TSC is one
instruction and one nanosecond (QEMU under -icount, Bochs at 10^9 instructions a second), and writes
tests/bench/results.md."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))
from bochs import Bochs  # noqa: E402
from guests import debian, elf_path, raw, tiny  # noqa: E402
from machine import BUILD, ICOUNT, PROMPT, ROOT, Failure, Machine, pack  # noqa: E402
from run import write_guests  # noqa: E402

OPTS = "when_idle=poweroff log_times=on"
RYZEN, HASWELL = "ryzen", "corei7_haswell_4770"
BEDS = [("qemu", None), ("ryzen", RYZEN), ("haswell", HASWELL)]  # name, Bochs's model

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


# Why an operation costs more than 10 % more on VT-x than on AMD-V with NRIP save; found by comparing
# Bochs's instruction traces of both, function by function.
EXIT = ("each field of the VMCS costs its number and a VMREAD or VMWRITE, ten in each exit, where the "
        "VMCB is plain memory; which fields an exit has must be looked up; windows, interruptibility and "
        "TPR threshold are fields of their own, each compared with what was written last; after an exit "
        "with IF=0 interrupts are looked for, for the sake of Bochs")
PORT = ("as CPUID; two VMREADs more, qualification and instruction information; and AMD-V tells the next "
        "RIP of a port access where VT-x tells the instruction's length, which has to be added")
READ = ("as CPUID; EFER is read with its group, CR0, CR3, CR4 and EFER: four VMREADs, and what VMX "
        "fixes in CR0 and CR4 is replaced by what the guest sees")
WRITE = ("as RDMSR EFER; the group goes back with four VMREADs and six VMWRITEs more: what VMX fixes in CR0 "
         "and CR4, the guest's view of CR0, long mode as a control of the entry, and whether "
         "translations are still good, of which the VMCB needs none")
WHY = {"port_read": PORT, "port_write_e9": PORT, "cpuid_0": EXIT, "rdmsr_efer": READ, "wrmsr_efer": WRITE,
       "null_hypercall": "as CPUID; and the privilege level and code size come from three VMREADs more",
       **{"x2apic_" + n: "as CPUID" for n in ("tpr_write", "tpr_read", "eoi")}}


def start(model, folder, memory):
    if model:
        return Bochs(folder + ".iso", folder + ".log", memory=memory, cpu=model, ips=1000000000)
    return Machine(folder + ".iso", folder + ".log", memory=memory, extra=ICOUNT, threads="single")


def boot(name, guests, memory=2048, timeout=300, opts=OPTS, script=None, model=None):
    class Case:
        pass
    case = Case()
    case.guests = guests
    folder = os.path.join(BUILD, "bench-" + name)
    write_guests(case, folder)
    pack(folder, folder + ".iso", opts)
    machine = start(model, folder, memory)
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


def measure_operations(bed, model):
    text = boot("ops-" + bed, [tiny("bench", verdict=False)], model=model)
    found = {m.group(1): int(m.group(2)) for m in re.finditer(r"\bBENCH (\w+) (\d+)", text)}
    if "bench| PASS" not in text:
        raise Failure("%s: the bench guest did not finish: %s" % (bed, text[-600:]))
    if found.get("calibration_2001") != 2001:
        raise Failure("%s: 2,001 instructions took %s ticks" % (
            bed, found.get("calibration_2001")))
    return found


def measure_create(bed, model):
    """Seconds until `create` of a Debian guest of 128 MiB returned, and until its userspace ran."""
    # The refused configuration comes first: its line is the moment before `create` of the other.
    # "off" powers off as soon as its userspace runs.
    guests = [raw("aa", "mark = 1\n"), debian("deb", "off")]
    text = boot("create-" + bed, guests, model=model)
    began, ended = stamp(text, r"aa\.cfg:1: "), stamp(text, r"deb\| plinth-userspace")
    return stamp(text, r"deb\.cfg: started") - began, ended - began


def measure_prompt(bed, model):
    # A guest that is refused at boot, so that the prompt comes first.
    text = boot("prompt-" + bed, [raw("aa", "mark = 1\n")], model=model,
                opts=OPTS.replace("when_idle=poweroff ", ""),
                script=lambda m: (m.expect(PROMPT, 120), m.send("host-poweroff\r")))
    return stamp(text, r"ready$|ready\s*$")


def number(info, key):
    return int(re.search(r"^%s\s*: (\d+)" % key, info, re.M).group(1))


def measure_memory():
    """MiB of hypervisor and control domain, KiB that a guest takes beyond its own RAM."""
    result = {}

    def idle(m):
        m.expect(PROMPT, 120)
        m.expect(r"deb\| plinth-userspace", 120)
        result["with_guest"] = m.command("info")
        m.command("destroy deb")
        result["info"] = m.command("info")
        m.send("host-poweroff\r")

    boot("memory", [debian("deb", "wait")], opts=OPTS.replace("when_idle=poweroff ", ""), script=idle)
    free = number(result["info"], "free_memory_kib")
    beyond = free - number(result["with_guest"], "free_memory_kib") - 128 * 1024
    return (2048 * 1024 - free) / 1024, beyond


def source_lines(*folders):
    """Lines without blanks and comments, as `make check` counts them."""
    r = subprocess.run([sys.executable, "tests/lines.py", *folders], cwd=ROOT,
                       stdout=subprocess.PIPE)
    return int(re.search(r"^all\s+(\d+)", r.stdout.decode(), re.M).group(1))


def size(path):
    return os.path.getsize(os.path.join(ROOT, path)) if os.path.exists(os.path.join(ROOT, path)) else 0


def show(value):
    return "-" if value is None else format(value, ",")


def compare(name, amd, intel):
    """VT-x against AMD-V on Bochs: the table's cell, whether all is well, the reason if it is not."""
    if intel <= amd * 1.1 or intel <= amd + 1:
        return "%+.0f %%" % ((intel / amd - 1) * 100), True, None
    why = WHY.get(name)
    return "%+.0f %%, %s" % ((intel / amd - 1) * 100, "see below" if why else "**why?**"), bool(why), why


def operations_table(found):
    """Lines of both tables and of the reasons, and how many figures are not kept."""
    out, why, failed = [], [], 0
    head = "AMD-V, QEMU | AMD-V, Bochs | VT-x, Bochs | VT-x against AMD-V"
    out += ["| operation | %s | Xen 4.17 | KVM 6.1 | fewer than the better one |" % head,
            "|" + "---|" * 8]
    for name, what, *peers in OPERATIONS + [(n, w) for n, w in FURTHER]:
        values = [found[bed].get(name) for bed, _ in BEDS]
        if None in values:
            failed += 1
            continue
        if not peers and (name, what) == FURTHER[0]:
            out += ["", "| further | %s |" % head, "|" + "---|" * 5]
        cell, ok, reason = compare(name, values[1], values[2])
        failed += not ok
        line = "| %s | %s | %s |" % (what, " | ".join(map(show, values)), cell)
        if peers:
            best = min(x for x in peers if x)
            ok = values[0] < best
            failed += not ok
            line += " %s | %s | %s |" % (show(peers[0]), show(peers[1]), "yes" if ok else "**no**")
        out.append(line)
        if reason:
            why.append("- %s: %s." % (what, reason))
    if why:
        out += ["", "Why VT-x costs more than 10 % more:", *why]
    return out, failed


def system_table():
    """Lines of the tables of the whole system, and how many figures are not kept."""
    times = {bed: (measure_prompt(bed, model), *measure_create(bed, model)) for bed, model in BEDS}
    prompt, returned, ran = times["qemu"]
    own, beyond = measure_memory()
    lines = source_lines("boot", "arch", "core", "svm", "ept", "sched")
    names = ["hypervisor's first line to the prompt, virtual s",
             "of `create`: until the command returned",
             "`create` of the Debian guest (128 MiB, 1 vCPU) to its userspace, virtual s"]
    musts = [
        (names[0], "%.3f" % prompt, "0.5", "9.4", prompt <= 0.5),
        (names[2], "%.3f" % ran, "1.7", "2.11", ran <= 1.7),
        (names[1], "%.3f" % returned, "", "0.55", True),
        ("memory of hypervisor and control domain on a 2 GiB machine, MiB", "%.1f" % own, "48", "215",
         own <= 48),
        ("a guest's cost beyond its own RAM, KiB", "%d" % beyond, "512", "2048", beyond <= 512),
        ("hypervisor source with AMD's half, lines of code", format(lines, ","), "12,000", "",
         lines <= 12000),
        ("vmx/, Intel's half, lines of code", format(source_lines("vmx"), ","), "", "", True),
        ("include/, which both images share, lines of code", format(source_lines("include"), ","),
         "", "", True),
        ("hypervisor image, bytes", format(size("build/plinth.boot.elf"), ","), "", "2,560,000", True),
        ("control domain image, bytes", format(size("build/dom0.elf"), ","), "", "", True),
    ]
    out = ["", "| whole system (QEMU) | Plinth | must | Xen 4.17 | kept |", "|" + "---|" * 5]
    for what, value, must, xen, ok in musts:
        out.append("| %s | %s | %s | %s | %s |" % (what, value, must or "-", xen or "-",
                                                  "yes" if ok else "**no**"))
    out += ["", "In Bochs each character on the serial line takes 87 us, of which QEMU knows nothing.", "",
            "| whole system (Bochs) | AMD-V | VT-x | VT-x against AMD-V |", "|" + "---|" * 4]
    for what, amd, intel in zip(names, times["ryzen"], times["haswell"]):
        out.append("| %s | %.3f | %.3f | %+.0f %% |" % (what, amd, intel, (intel / amd - 1) * 100))
    return out, sum(not m[-1] for m in musts)


def main():
    found = {bed: measure_operations(bed, model) for bed, model in BEDS}
    table, failed = operations_table(found)
    out = ["# What Plinth costs", "",
           "Made by `make bench` with one CPU, where a tick is an instruction, guest and hypervisor",
           "together: QEMU's TCG under `-icount shift=0,sleep=off` (AMD-V without NRIP save) and Bochs with",
           "`sync=none` (AMD-V with NRIP save: its model `ryzen`; VT-x: `corei7_haswell_4770`). Medians of",
           "51, net of an empty operation. Xen and KVM were measured in QEMU.", "", *table]

    system, missed = system_table()
    failed += missed
    text = "\n".join(out + system) + "\n"
    print(text)
    with open(os.path.join(HERE, "results.md"), "w") as f:
        f.write(text)
    print("%d figures not kept" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    os.makedirs(BUILD, exist_ok=True)
    sys.exit(main())
