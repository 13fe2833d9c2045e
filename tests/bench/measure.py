# SPDX-License-Identifier: BSD-2-Clause
"""Measures: boots the bench guest and the Debian guest where one tick of the TSC is one instruction
and one nanosecond (QEMU under -icount, Bochs at 10^9 instructions a second)."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))
from bochs import Bochs  # noqa: E402
from guests import debian, raw, tiny  # noqa: E402
from machine import BUILD, ICOUNT, PROMPT, ROOT, Failure, Machine, pack  # noqa: E402
from run import write_guests  # noqa: E402

OPTS = "when_idle=poweroff log_times=on"
RYZEN, HASWELL = "ryzen", "corei7_haswell_4770"
BEDS = [("qemu", None), ("ryzen", RYZEN), ("haswell", HASWELL)]  # name, Bochs's model


def start(model, folder, memory, extra=()):
    if model:
        return Bochs(folder + ".iso", folder + ".log", memory=memory, cpu=model, ips=1000000000)
    return Machine(folder + ".iso", folder + ".log", memory=memory, extra=ICOUNT + tuple(extra),
                   threads="single")


def boot(name, guests, memory=2048, timeout=300, opts=OPTS, script=None, model=None,
         extra=()):
    class Case:
        pass
    case = Case()
    case.guests = guests
    folder = os.path.join(BUILD, "bench-" + name)
    write_guests(case, folder)
    pack(folder, folder + ".iso", opts)
    machine = start(model, folder, memory, extra)
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
