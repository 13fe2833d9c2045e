# SPDX-License-Identifier: BSD-2-Clause
"""Booted tests of the scheduler: weights, caps, and what a Linux guest says was stolen from it. Each bed
has one time for all its CPUs: QEMU under -icount with one, Bochs."""
import re

from guests import debian, tiny
from machine import PROMPT, Failure

TOLERANCE = 0.03   # of what is due
STEAL = 0.02       # of what the hypervisor says
# An instruction takes 8 ns: more of a scheduler's time in the same time of ours.
SLOW = ("-icount", "shift=3,sleep=off", "-rtc", "base=2026-01-01T00:00:00,clock=vm")
SLOW_IPS = 50000000
FROM, UNTIL, END = 2000, 5000, 5600  # ms of the hypervisor's clock


def check(condition, what):
    if not condition:
        raise Failure(what)


def spinner(name, first=FROM, until=UNTIL, end=END, verdict=True, **keys):
    return tiny(name, verdict, elf="spin", memory=8,
                cmdline="from=%d until=%d end=%d" % (first, until, end), **keys)


def shares_of(m, guests, timeout):
    """{name: what it said}, from the log."""
    found = {}
    for g in guests:
        m.position = 0
        said = m.expect(r"%s\| SHARE ran=(\d+) waited=(\d+) slept=(\d+) steps=(\d+)\r?\n" % g.name, timeout)
        found[g.name] = dict(zip(("ran", "waited", "slept", "steps"), map(int, said.groups())))
    return found


def far_off(what, got, due):
    """A line for what is not within the tolerance, or nothing."""
    off = got / due - 1
    return [] if abs(off) <= TOLERANCE else ["%s has %.4f instead of %.4f (%+.1f %%)" % (
        what, got, due, off * 100)]


def shares_script(guests, due, timeout):
    """due: each guest's part of one CPU. Its time must be that, and its progress in proportion."""
    def script(m):
        found = shares_of(m, guests, timeout)
        window = (UNTIL - FROM) * 1e6
        steps = sum(f["steps"] for f in found.values())
        wrong = []
        for g, part in zip(guests, due):
            wrong += far_off(g.name + "'s time", found[g.name]["ran"] / window, part)
            wrong += far_off(g.name + "'s progress", found[g.name]["steps"] / steps, part / sum(due))
        check(not wrong, "; ".join(wrong))
    return script


def by_weight(cpus, weights):
    guests = [spinner("w%d" % i, cpu_weight=w) for i, w in enumerate(weights)]
    return guests, [cpus * w / sum(weights) for w in weights]


def by_cap(caps):
    """Each has a cap that is less than its share; without (0) it takes what is left of one CPU."""
    guests = [spinner("c%d" % i, **({"cap": c} if c else {})) for i, c in enumerate(caps)]
    return guests, [(c or 100 - sum(caps)) / 100 for c in caps]


# name, CPUs, guests and what is due to each
SHARES = [
    ("weights-4-on-1", 1, *by_weight(1, [128, 256, 512, 1024])),
    ("weights-8-on-4", 4, *by_weight(4, [128, 256, 384, 512] * 2)),
    ("caps-4-on-1", 1, *by_cap([10, 20, 30, 0])),
    ("caps-8-on-4", 4, *by_cap([10, 20, 30, 40, 50, 60, 70, 80])),
]

# A Linux guest and a spinner of twice its weight share a CPU; when the guest has booted.
HOG = {"cpu_weight": 512, "verdict": False, "first": 30000, "until": 40000, "end": 10 ** 9}


def cpu_line(m, mark):
    """The hypervisor's time of a mark, and /proc/stat's figures in seconds."""
    said = m.expect(r"\[ *(\d+\.\d+)\] linux\| plinth-steal %s cpu +([\d ]+)\r?\n" % mark, 400)
    user, nice, system, idle, iowait, irq, softirq, steal = (
        int(x) / 100 for x in said.group(2).split()[:8])
    return float(said.group(1)), idle + iowait, steal, user + nice + system + irq + softirq


def time_of(m, name):
    said = re.search(r"^%s\s.*\s([\d.]+)$" % name, m.command("list"), re.M)
    check(said, "list has no line for " + name)
    return float(said.group(1))


def steal_script(m):
    m.expect(PROMPT, 60)
    cpu_line(m, "A")  # it sleeps now, the other spins
    before = time_of(m, "linux")
    began, idle0, steal0, used0 = cpu_line(m, "B")
    ended, idle1, steal1, used1 = cpu_line(m, "C")
    after = time_of(m, "linux")  # it sleeps again
    lasted, used = ended - began, after - before
    said, is_so = steal1 - steal0, lasted - used - (idle1 - idle0)
    m.send("host-poweroff\r")
    what = "of %.2f s the guest says %.2f s stolen, %.2f s used; the hypervisor %.2f s and %.2f s" % (
        lasted, said, used1 - used0, is_so, used)
    print(what, flush=True)
    check(said > 5 and abs(said / is_so - 1) <= STEAL, what)


def bochs(model):
    return {"bed": "intel", "cpu": model, "ips": SLOW_IPS}


AMD = ("", {"qemu": SLOW, "threads": "single"})
# QEMU lets one CPU run ahead of the others for as long as a slice: there, four have no common time.
AMD_SMP = ("ryzen-", bochs("ryzen"))
INTEL = ("intel-", bochs("corei7_haswell_4770"))


def sched_cases(Case, idle):
    """cases.py's Case; idle: the option that switches the machine off when no guest is left."""
    cases = []
    for name, cpus, guests, due in SHARES:
        for prefix, bed in (AMD_SMP if cpus > 1 else AMD, INTEL):
            cases.append(Case(prefix + name, guests, cpus=cpus, memory=512, opts=idle, timeout=300,
                              script=shares_script(guests, due, 240), **bed))
    for prefix, bed in (AMD, INTEL):
        cases.append(Case(prefix + "steal", [spinner("hog", **HOG), debian("linux", "steal")], memory=512,
                          opts="log_times=on", timeout=600, script=steal_script, **bed))
    return cases
