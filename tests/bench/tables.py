# SPDX-License-Identifier: BSD-2-Clause
"""What is measured, what it must be, and the tables of tests/bench/results.md."""
import os
import re
import subprocess
import sys

import exits
from measure import (BEDS, BUILD, ROOT, measure_create, measure_memory, measure_operations,
                     measure_prompt)

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results.md")

# name, what it is, must, aim, Xen 4.17.7, KVM of Linux 6.1 (tests/README.md says how they were measured)
OPERATIONS = [
    ("port_read", "port read, nothing behind it", 400, 200, 1098, 1453),
    ("port_write_e9", "port write 0xE9", None, None, 998, 3075),
    ("cpuid_0", "CPUID leaf 0", 900, 400, 5356, 2773),
    ("null_hypercall", "null hypercall (xen_version)", 700, 300, 5483, 3006),
    ("rdmsr_efer", "RDMSR EFER", 900, 400, 5270, 2838),
    ("wrmsr_efer", "WRMSR EFER", 900, 400, 5363, 2862),
    ("x2apic_tpr_write", "x2APIC TPR write", 900, 400, 5747, 2931),
    ("xapic_tpr_read", "xAPIC TPR read (MMIO)", 1500, 800, 13930, 3635),
    ("x2apic_self_ipi", "self-IPI up to EOI, x2APIC", 3000, 1500, 12219, 9386),
    ("timer_arm", "arm a timer (singleshot)", 1500, 800, 10385, 6519),
    ("event_send_masked", "event channel send to self, masked", 1500, 700, 10174, None),
    ("event_send_upcall", "event channel send to self, with upcall", 2500, 1500, 10915, None),
    ("sched_yield", "sched_op yield", 1000, 500, 7265, None),
    ("grant_query_size", "grant_table_op query_size", None, None, 13376, None),
    ("page_give_take", "give back and take one 4 KiB page", 5000, 2500, 36115, 5887),
    ("mov_cr4", "MOV CR4", None, None, 13042, 3373),
    ("timer_hlt_late_ns", "1 ms timer with HLT: lateness, ns", 2000, 1000, 6500, 3221),
]
FURTHER = [
    ("calibration_2001", "2,001 instructions"), ("set_timer_op", "set_timer_op"),
    ("hlt_with_event", "STI; HLT with an event pending"), ("xapic_tpr_write", "xAPIC TPR write (MMIO)"),
    ("xapic_eoi", "xAPIC EOI (MMIO)"), ("xapic_self_ipi", "self-IPI up to EOI, xAPIC"),
    ("x2apic_tpr_read", "x2APIC TPR read"), ("x2apic_eoi", "x2APIC EOI"),
]
# Rows of the whole system that guard.py looks for as well.
PROMPT_TIME = "hypervisor's first line to the prompt, virtual s"
RETURN_TIME = "of `create`: until the command returned"
CREATE_TIME = "`create` of the Debian guest (128 MiB, 1 vCPU) to its userspace, virtual s"
EXITS = "exits of a Debian boot to userspace"
LINES = 12750  # without arch/x86_64/iommu, as `make check` counts

# Why an operation costs more than 10 % more on VT-x than on AMD-V with NRIP save; found by comparing
# Bochs's instruction traces of both, function by function.
EXIT = ("each field of the VMCS costs its number and a VMREAD or VMWRITE, ten in each exit, where the "
        "VMCB is plain memory; which fields an exit has must be looked up; windows, interruptibility and "
        "TPR threshold are fields of their own, each compared with what was written last; after an exit "
        "with IF=0 interrupts are looked for, for the sake of Bochs")
PORT = ("as CPUID; a VMREAD more, the qualification; and AMD-V tells the next RIP "
        "of a port access where VT-x tells the instruction's length, which has to be added")
READ = ("as CPUID; EFER is read with its group, CR0, CR3, CR4 and EFER: four VMREADs, and what VMX "
        "fixes in CR0 and CR4 is replaced by what the guest sees")
WRITE = ("as RDMSR EFER; the group goes back with four VMREADs and six VMWRITEs more: what VMX fixes in CR0 "
         "and CR4, the guest's view of CR0, long mode as a control of the entry, and whether "
         "translations are still good, of which the VMCB needs none")
WHY = {"port_read": PORT, "port_write_e9": PORT, "cpuid_0": EXIT, "rdmsr_efer": READ, "wrmsr_efer": WRITE,
       "null_hypercall": "as CPUID; and the privilege level and code size come from three VMREADs more",
       **{"x2apic_" + n: "as CPUID" for n in ("tpr_write", "tpr_read", "eoi")}}

# What these refer to stands with them, whatever that operation itself costs.
REFERRED = [("as RDMSR EFER", "RDMSR EFER", READ), ("as CPUID", "CPUID leaf 0", EXIT)]


def source_lines(*arguments):
    """Lines without blanks and comments, as `make check` counts them."""
    r = subprocess.run([sys.executable, "tests/lines.py", *arguments], cwd=ROOT,
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


def judge(value, must, aim, peers):
    """The column "kept", and whether all that must be is. Without a must, the better peer is it."""
    if value > (must or value) or value >= min(x for x in peers if x):
        return "**no**", False
    return "aim" if aim and value <= aim else "yes", True


def operations_table(found):
    """Lines of both tables and of the reasons, and how many figures are not kept."""
    out, why, failed = [], [], 0
    head = "AMD-V, QEMU | AMD-V, Bochs | VT-x, Bochs | VT-x against AMD-V"
    out += ["| operation | %s | must | aim | kept | Xen 4.17 | KVM 6.1 |" % head, "|" + "---|" * 10]
    for name, what, *limits in OPERATIONS + [(n, w) for n, w in FURTHER]:
        values = [found[bed].get(name) for bed, _ in BEDS]
        if None in values:
            failed += 1
            continue
        if not limits and (name, what) == FURTHER[0]:
            out += ["", "| further | %s |" % head, "|" + "---|" * 5]
        cell, ok, reason = compare(name, values[1], values[2])
        failed += not ok
        line = "| %s | %s | %s |" % (what, " | ".join(map(show, values)), cell)
        if limits:
            must, aim, *peers = limits
            kept, ok = judge(values[0], must, aim, peers)
            failed += not ok
            line += " %s | %s | %s | %s | %s |" % (show(must), show(aim), kept, *map(show, peers))
        out.append(line)
        if reason:
            why.append("- %s: %s." % (what, reason))
    for mark, what, reason in REFERRED:
        if any(mark in w for w in why) and not any(w.startswith("- %s:" % what) for w in why):
            why.insert(0, "- %s: %s." % (what, reason))
    if why:
        out += ["", "Why VT-x costs more than 10 % more:", *why]
    return out, failed


def system_table():
    """Lines of the tables of the whole system, and how many figures are not kept."""
    times = {bed: (measure_prompt(bed, model), *measure_create(bed, model)) for bed, model in BEDS}
    prompt, returned, ran = times["qemu"]
    own, beyond = measure_memory()
    guest, control = (sum(kinds.values()) for kinds in exits.count())
    lines = source_lines("--but", "arch/x86_64/iommu", "boot", "arch", "core", "svm", "ept", "sched")
    names = [PROMPT_TIME, RETURN_TIME, CREATE_TIME]
    musts = [
        (PROMPT_TIME, "%.3f" % prompt, "0.5", "9.4", prompt <= 0.5),
        (CREATE_TIME, "%.3f" % ran, "1.45", "2.11", ran <= 1.45),
        (RETURN_TIME, "%.3f" % returned, "", "0.55", True),
        (EXITS, format(guest, ","), format(exits.MUST, ","), "", guest <= exits.MUST),
        ("exits of the control domain meanwhile", format(control, ","), "", "", True),
        ("memory of hypervisor and control domain on a 2 GiB machine, MiB", "%.1f" % own, "48", "215",
         own <= 48),
        ("a guest's cost beyond its own RAM, KiB", "%d" % beyond, "512", "2048", beyond <= 512),
        ("hypervisor source with AMD's half, lines of code", format(lines, ","), format(LINES, ","), "",
         lines <= LINES),
        ("arch/x86_64/iommu, lines of code", format(source_lines("arch/x86_64/iommu"), ","), "", "", True),
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
