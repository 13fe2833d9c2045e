# SPDX-License-Identifier: BSD-2-Clause
"""Booted tests of disks in trouble: guests that end, front ends that close, devices that are reset, fail or
are pulled out, in the middle of 32 requests. The guest is disk_stress, which knows each sector by its stamp."""
import random
import re
import struct
import time

from disk_cases import CONTROLLERS, NVME, check, drive, image_path, sfdisk, with_disks
from guests import tiny
from iommu_cases import Qtest
from machine import PROMPT
from qmp import Qmp, qmp_words, socket_path

SECTOR = 512
MIB = 2048  # sectors
GUARD = b"\xA5" * SECTOR
STAMP = struct.Struct("<5Q")
MAGIC = 0x5354414D50
MASK = (1 << 64) - 1


def stress(name, disk, words, verdict=True, **keys):
    return with_disks(tiny(name, verdict, elf="disk_stress", cmdline=words, **keys), disk)


def blank(path, mib):
    with open(path, "wb") as f:
        f.truncate(mib << 20)


def guarded(path, parts):
    """A disk with these partitions (first MiB, MiBs, label); what lies between them has a pattern."""
    def prepare():
        blank(path, 64)
        sfdisk(path, "label: gpt\n" + "".join("start=%d, size=%d, name=%s\n" % (first * MIB, size * MIB, name)
                                              for first, size, name in parts))
        with open(path, "r+b") as f:
            for start, end in gaps(parts):
                f.seek(start * SECTOR)
                f.write(GUARD * (end - start))
    return prepare


def gaps(parts):
    end = MIB
    for first, size, _ in sorted(parts):
        if first * MIB > end:
            yield end, first * MIB
        end = (first + size) * MIB
    yield end, 63 * MIB


def stamp_is_right(data, sector, salt):
    for at in (0, SECTOR - STAMP.size):
        magic, where, who, when, total = STAMP.unpack_from(data, at)
        want = ((magic ^ where * 3 ^ who * 5 ^ when * 7) & MASK) * 0x9E3779B97F4A7C15 & MASK
        if (magic, where, who, total) != (MAGIC, sector, salt, want):
            return False
    return data[:STAMP.size] == data[-STAMP.size:]


def look(path, parts, salts):
    """Nothing but each partition's own stamps in it, and nothing written beside."""
    def after():
        with open(path, "rb") as f:
            image = f.read()
        for start, end in gaps(parts):
            check(image[start * SECTOR:end * SECTOR] == GUARD * (end - start),
                  "written beside the partitions, between sectors %d and %d" % (start, end))
        for (first, size, name), salt in zip(parts, salts):
            found = 0
            for i in range(size * MIB):
                at = (first * MIB + i) * SECTOR
                data = image[at:at + SECTOR]
                if any(data[:16]):
                    found += 1
                    check(stamp_is_right(data, i, salt), "sector %d of %s is not its own" % (i, name))
            check(found > 500, "%s has been hardly written: %d sectors" % (name, found))
    return after


# ---- ends in the middle of requests -------------------------------------------------------------

PARTS = [(2, 8, "victim"), (12, 8, "bystander")]
ENDS = 100


def number(info, key):
    return int(re.search(r"^%s\s*: (\d+)$" % key, info, re.M).group(1))


def wait_free(m):
    """The line about a guest's end comes before its disks are closed."""
    end = time.monotonic() + 20
    while re.search(r"^nvme0n1p1 .* guest ", m.command("disks"), re.M):
        check(time.monotonic() < end, "the disk of a guest that has ended stays in use")


def one_end(m, i):
    """In turn: destroyed at a random moment, a crash, a front end that closes ever again."""
    name = ("destroyed", "crasher", "closer")[i % 3]
    out = m.command("create " + name)
    check("%s.cfg: started" % name in out, "%s is not started: %s" % (name, out))
    if name == "destroyed":
        time.sleep(random.uniform(0.05, 0.6))
        m.command("destroy " + name)
    elif name == "crasher":
        m.expect(r"crasher \(domain \d+\) crashed: destroy", 60)
    else:
        m.expect(r"closer\| PASS", 60)
        m.expect(r"closer \(domain \d+\) powered off: destroy", 60)
    wait_free(m)


def ends_script(m):
    m.expect(r"crasher.cfg.*not started: xvda: nvme0n1p1 is in use for writing by guest closer", 60)
    m.expect(r"closer \(domain \d+\) powered off: destroy", 60)
    wait_free(m)
    for i in range(6):  # what is allocated once and kept
        one_end(m, i)
    first = m.command("info")
    for i in range(ENDS):
        one_end(m, i)
    last = m.command("info")
    for key in ("free_memory_kib", "hypervisor_memory_kib", "domains"):
        check(number(first, key) == number(last, key),
              "%s was %d, is %d" % (key, number(first, key), number(last, key)))
    # The stack of a fiber comes and goes.
    growth = number(last, "control_heap_used_kib") - number(first, "control_heap_used_kib")
    check(growth <= 48, "the control domain's heap grew by %d KiB" % growth)
    check("guest" not in re.sub(r"guest bystander", "", m.command("disks")), "a dead guest has a disk")
    m.send("host-poweroff\r")


def ends_case(Case):
    path = image_path("disk-ends", "disk")
    victim = "phy:LABEL=victim,xvda,w"
    guests = [stress("bystander", "phy:LABEL=bystander,xvda,w", "ms=3600000 salt=2 quiet depth=4 span=1024", False),
              stress("destroyed", victim, "ms=60000 scan quiet span=512", False),
              stress("crasher", victim, "ms=60000 scan quiet span=512 crash", False),
              stress("closer", victim, "ms=300 scan quiet span=512 close", False)]
    return Case("disk-ends", guests, opts="", timeout=400, memory=512, script=ends_script,
                prepare=guarded(path, PARTS), after=look(path, PARTS, (1, 2)), qemu=drive(path) + NVME,
                must_not=[r"\| FAIL", r"\| ERROR", r"is not waited for"])


# ---- resets ---------------------------------------------------------------------------------------

ECAM = 0xB0000000  # where SeaBIOS puts it on a q35
SLOT = 6
AT = ",addr=%d" % SLOT


class Config(Qtest):
    """The disk controller's configuration space and registers, from outside."""

    def __init__(self, name, slot=SLOT, function=0):
        super().__init__(socket_path(name))
        self.config = ECAM + (slot << 15) + (function << 12)

    def bar(self, i):
        return self.readl(self.config + 0x10 + 4 * i) & ~15


def reset_nvme(q):
    """NVM Express, "Offset 14h: CC": EN cleared is a reset, behind the driver's back."""
    q.writel(q.bar(0) + 0x14, 0)


def reset_ahci(q):
    """Serial ATA AHCI, "Offset 04h: GHC": HR, a reset of all of it. (QEMU lets a COMRESET wait for what is
    under way, so that it disturbs nobody.)"""
    q.writel(q.bar(5) + 4, 1)


def reset_virtio(q):
    """Virtual I/O Device, "Legacy Interfaces: A Note on PCI Device Layout": status 0."""
    q.ask("outb", hex((q.readl(q.config + 0x10) & ~3) + 18), "0x0")


RESETS = {
    "nvme": (reset_nvme, ("-device", "nvme,drive=d,serial=plinth1" + AT), SLOT, 0),
    "ahci": (reset_ahci, ("-device", "ide-hd,drive=d,bus=ide.0"), 31, 2),
    "virtio": (reset_virtio, ("-device", "virtio-blk-pci,drive=d,disable-modern=on" + AT), SLOT, 0),
}


def reset_script(name, reset, slot, function):
    def script(m):
        m.expect(PROMPT, 60)
        q = Config(name, slot, function)
        for _ in range(3):
            for guest in ("one", "two"):
                m.expect(r"%s\| disk_stress: [1-9]\d* done" % guest, 60)
            time.sleep(random.uniform(0, 0.5))
            reset(q)
            m.expect(r"reset", 60)
        m.expect(r"(one|two)\| PASS", 120)
        m.expect(r"(one|two)\| PASS", 60)
        m.send("host-poweroff\r")
    return script


def reset_case(Case, kind):
    name = "disk-reset-" + kind
    path = image_path(name, "disk")
    parts = [(2, 8, "one"), (12, 8, "two")]
    reset, words, slot, function = RESETS[kind]
    guests = [stress(label, "phy:LABEL=%s,xvda,w" % label, "ms=20000 salt=%d pages=%d span=2048" % (salt, pages))
              for label, salt, pages in (("one", 1, 1), ("two", 2, 8))]
    return Case(name, guests, opts="", timeout=300, memory=512, prepare=guarded(path, parts),
                script=reset_script(name, reset, slot, function), after=look(path, parts, (1, 2)),
                qemu=drive(path) + words + ("-qtest", "unix:%s,server=on,wait=off" % socket_path(name),
                                            "-qtest-log", "/dev/null"))


# ---- errors and removal ----------------------------------------------------------------------------

def errors_case(Case, kind, words):
    """One sector that always fails, one that fails once, which the driver tries again."""
    name = "disk-errors-" + kind
    path, rules = image_path(name, "disk"), image_path(name, "rules")

    def prepare():
        blank(path, 16)
        with open(rules, "w", encoding="utf-8") as f:
            for sector, once in ((8 * 300 + 3, "off"), (8 * 500 + 5, "on")):
                f.write('[inject-error]\nevent = "none"\niotype = "read"\nerrno = "5"\nsector = "%d"\n'
                        'once = "%s"\n' % (sector, once))
                f.write('[inject-error]\nevent = "none"\niotype = "write"\nerrno = "5"\nsector = "%d"\n'
                        'once = "%s"\n' % (sector, once))
    return Case(name, [stress("errors", "phy:%s,xvda,w" % words[1], "ms=8000 errors=300 span=1024 salt=1")],
                timeout=120, memory=512, prepare=prepare,
                qemu=("-drive", "if=none,id=d,file=blkdebug:%s:%s,format=raw" % (rules, path)) + words[0])


def unplug_script(name):
    def script(m):
        m.expect(r"pulled\| disk_stress: [1-9]\d* done", 60)
        q = Qmp(name)
        q.ask("device_del", id="stick")
        m.expect(r"pulled\| disk_stress: unplugged", 60)
        m.expect(r"pulled\| PASS", 60)
        check("xhci0p1" not in m.command("disks"), "a stick that was pulled out is listed")
        out = m.command("create pulled")
        check("not started: xvda: there is no disk or partition xhci0p1" in out, "no stick: " + out)
        q.ask("device_add", driver="usb-storage", drive="d", id="again", bus="xhci.0", port="1")
        end = time.monotonic() + 30
        while "xhci0p1" not in m.command("disks"):
            check(time.monotonic() < end, "the stick does not come back")
            time.sleep(0.3)
        m.command("create replug")
        m.expect(r"replug\| PASS", 60)
        m.send("host-poweroff\r")
    return script


def unplug_case(Case):
    name = "disk-unplug"
    path = image_path(name, "disk")
    guests = [stress("replug", "phy:xhci0p1,xvda,w", "ms=1000 errors scan span=1024 salt=1", False),
              stress("pulled", "phy:xhci0p1,xvda,w", "ms=60000 errors unplug span=1024 salt=1", False)]
    return Case(name, guests, opts="", timeout=200, memory=512, prepare=lambda: blank(path, 16),
                script=unplug_script(name), must_not=[r"\| FAIL", r"\| ERROR"],
                qemu=("-blockdev", "node-name=d,driver=raw,file.driver=file,file.filename=" + path,
                      "-device", "qemu-xhci,id=xhci", "-device", "usb-storage,drive=d,id=stick") + qmp_words(name))


def trouble_cases(Case):
    return [ends_case(Case)] + [reset_case(Case, kind) for kind in RESETS] + [
        errors_case(Case, "nvme", CONTROLLERS["nvme"]), errors_case(Case, "ahci", CONTROLLERS["ahci"]),
        unplug_case(Case)]
