# SPDX-License-Identifier: BSD-2-Clause
"""Booted tests of durability: machines that are killed while they write, and what power loss would leave."""
import os
import random
import re
import subprocess
import time

import crash_disk
from bochs import Bochs
from disk_cases import CONTROLLERS, bochs_ide, check, drive, image_path, partition_offset
from guests import DEBIAN, Guest
from machine import BUILD, ROOT, Failure, Machine, run

WRITING = r"crash\| plinth-crash (all is there, writing|FAILED[^\n]*)"
ENDED = r"crash\| plinth-crash ended well"
WRONG = [r"plinth-crash FAILED", r"I/O error", r"EXT4-fs error", r"EXT4-fs warning"]
SOURCE = os.path.join(ROOT, "tests/boot/disk/crash.c")


def initrd(name):
    """The demo guest's, with the test's program behind it."""
    folder = os.path.join(BUILD, name + ".init")
    os.makedirs(folder, exist_ok=True)
    run(["gcc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", SOURCE, "-o", folder + "/crash"])
    more = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=folder, input=b"crash\n",
                          stdout=subprocess.PIPE, check=True).stdout
    with open(os.path.join(ROOT, DEBIAN, "initrd"), "rb") as f:
        return f.read() + more


def guest(name, ms):
    g = Guest("crash", {"vmlinuz": DEBIAN + "/vmlinuz", "crash.initrd": lambda: initrd(name)}, kernel="vmlinuz",
              ramdisk="crash.initrd", memory=96, cmdline="console=hvc0 quiet cryptomgr.notests rdinit=/crash "
              "crash.ms=%d" % ms, plinth_console="log")
    g.more = "disk = [%s]\n" % ", ".join("'%s'" % d for d in crash_disk.GUEST_DISKS)
    return g


def seed_of(name):
    seed = int(os.environ.get("CRASH_SEED", time.time_ns() % 1000000))
    print("      %s: CRASH_SEED=%d" % (name, seed), flush=True)
    return random.Random(seed)


def kill_once(start, log, after):
    """Boots, which checks what the boot before had flushed, and kills it when it has written for a while."""
    m = start(log)
    try:
        said = m.expect(WRITING, 200).group(1)
        check(said.startswith(b"all"), said.decode("latin-1"))
        time.sleep(after)
    finally:
        m.stop()
    wrong = re.search("|".join(WRONG), m.text())
    check(not wrong, "the log has %r" % (wrong and wrong.group(0)))


def kill_often(name, path, start, kills):
    crash_disk.make_disk(path)
    rng = seed_of(name)
    for n in range(kills):
        after = rng.uniform(0.05, 3)
        try:
            kill_once(start, os.path.join(BUILD, "%s-kill.log" % name), after)
            if n % 5 == 4:
                crash_disk.check_disk(path)
        except Failure as e:
            raise Failure("boot %d of %d: %s" % (n + 1, kills, e)) from None


def ended(name, path, least=20):
    steps = crash_disk.check_disk(path)
    print("      %s: steps %s" % (name, steps), flush=True)
    check(min(steps.values()) >= least, "too little was written: %s" % steps)


def kill_case(Case, controller, kills):
    name = "crash-" + controller
    path = image_path(name, "disk")
    # What a killed emulator had written the host keeps, flushed or not.
    words = ("-drive", drive(path)[1] + ",cache=unsafe,discard=unmap") + CONTROLLERS[controller][0]
    iso = os.path.join(BUILD, name + ".iso")
    case = Case(name, [guest(name, 5000)], memory=512, timeout=150, qemu=words, in_order=[WRITING, ENDED],
                must_not=WRONG, after=lambda: ended(name, path))
    case.prepare = lambda: kill_often(name, path, lambda log: Machine(
        iso, log, case.cpus, case.memory, case.cpu, words, case.threads), kills)
    return case


def bochs_case(Case, kills):
    name = "intel-crash-ide"
    path = image_path(name, "disk")
    lines = bochs_ide(path)
    iso = os.path.join(BUILD, name + ".iso")
    case = Case(name, [guest(name, 5000)], memory=512, timeout=300, bed="intel", cpu="corei7_haswell_4770",
                qemu=lines, in_order=[WRITING, ENDED], must_not=WRONG, after=lambda: ended(name, path, 5))

    case.prepare = lambda: kill_often(name, path, lambda log: Bochs(
        iso, log, case.cpus, case.memory, case.cpu, lines, None, case.ips), kills)
    return case


# ---- power loss --------------------------------------------------------------------------------

def logged(path, log):
    """QEMU's words for a disk of which every write and flush is kept, in order."""
    return ("-blockdev", "driver=file,node-name=file,filename=%s,discard=unmap,cache.no-flush=on" % path,
            "-blockdev", "driver=raw,node-name=raw,file=file,discard=unmap",
            "-blockdev", "driver=file,node-name=log,filename=%s,cache.no-flush=on" % log,
            "-blockdev", "driver=blklogwrites,node-name=d,file=raw,log=log,discard=unmap")


def check_log(name, path, log, count):
    writes = list(crash_disk.read_writes(log))
    flushes = sum(1 for w in writes if w[2] & crash_disk.FLUSH)
    rng = seed_of(name)
    data, acks, bases = crash_disk.split(path + ".before")
    medium = crash_disk.Medium(data, acks, [partition_offset(path, 1), partition_offset(path, 2)])
    cuts = sorted(rng.sample(range(1, len(writes) + 1), min(count, len(writes))))
    most = crash_disk.check_cuts(medium, bases, writes, cuts, rng)
    print("      %s: %d writes, %d flushes, %d cuts, up to %d steps, %d torn superblocks" % (
        name, len(writes) - flushes, flushes, len(cuts), most, len(crash_disk.torn_superblocks)), flush=True)
    check(len(cuts) == count and flushes > 200 and most > 60, "too little was written")
    ended(name, path)
    os.unlink(log)


def power_case(Case, controller, cuts):
    name = "crash-power-" + controller
    path = image_path(name, "disk")
    log = path + ".writes"

    def prepare():
        crash_disk.make_disk(path)
        run(["cp", "--sparse=always", path, path + ".before"])
        with open(log, "wb"):
            pass
    return Case(name, [guest(name, 6000)], memory=512, timeout=150, prepare=prepare,
                qemu=logged(path, log) + CONTROLLERS[controller][0], in_order=[WRITING, ENDED], must_not=WRONG,
                after=lambda: check_log(name, path, log, cuts))


def crash_cases(Case):
    return [kill_case(Case, "nvme", 25), kill_case(Case, "ahci", 25), power_case(Case, "nvme", 200),
            power_case(Case, "ahci", 40), bochs_case(Case, 2)]
