# SPDX-License-Identifier: BSD-2-Clause
"""Booted tests of the IOMMU: QEMU's `edu` device does DMA that nobody in the machine asked for, driven from
outside through QEMU's qtest socket, which also looks at the memory."""
import os
import re
import socket
import tempfile
import time

from guests import tiny
from machine import Failure

ECAM = 0xB0000000         # where SeaBIOS puts it on a q35
SLOT = 5
DEVICE = "00:%02x.0" % SLOT
HYPERVISOR = 0x200000     # its image: the Multiboot2 header, which nobody needs any more
STALE = 0x30000000        # free memory
WORDS = 64                # bytes that are moved
GUEST_OFFSET = 0x100000   # where a tiny guest's image begins, in 2 MiB pages


def check(condition, what):
    if not condition:
        raise Failure(what)


class Qtest:
    """The machine's memory and its devices' registers, from outside."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rwb")

    def ask(self, *words):
        self.file.write((" ".join(str(w) for w in words) + "\n").encode())
        self.file.flush()
        answer = self.file.readline().decode().split()
        check(answer[:1] == ["OK"], "qtest %s: %s" % (words[0], " ".join(answer)))
        return answer[1] if len(answer) > 1 else ""

    def readl(self, at):
        return int(self.ask("readl", "0x%x" % at), 16)

    def writel(self, at, value):
        self.ask("writel", "0x%x" % at, "0x%x" % value)

    def writeq(self, at, value):
        self.ask("writeq", "0x%x" % at, "0x%x" % value)

    def readq(self, at):
        return int(self.ask("readq", "0x%x" % at), 16)

    def read(self, at, size=WORDS):
        return bytes.fromhex(self.ask("read", "0x%x" % at, size)[2:])

    def write(self, at, data):
        self.ask("write", "0x%x" % at, len(data), "0x" + data.hex())


class Edu:
    """QEMU's documentation, "EDU device". Its buffer is at 0x40000 of its own address space."""

    BUFFER = 0x40000

    def __init__(self, qtest):
        self.q = qtest
        self.config = ECAM + (SLOT << 15)
        check(qtest.readl(self.config) == 0x11E81234, "the edu device is not in its slot")
        qtest.writel(self.config + 4, 7)  # I/O, memory, bus master
        self.bar = qtest.readl(self.config + 0x10) & ~15

    def dma(self, command, source, target):
        self.q.writeq(self.bar + 0x80, source)
        self.q.writeq(self.bar + 0x88, target)
        self.q.writeq(self.bar + 0x90, WORDS)
        self.q.writeq(self.bar + 0x98, command)
        end = time.monotonic() + 20
        while self.q.readq(self.bar + 0x98) & 1:
            check(time.monotonic() < end, "the edu device's DMA does not end")
            time.sleep(0.02)

    def load(self, address):
        """The device reads memory."""
        self.dma(1, address, self.BUFFER)

    def store(self, address):
        self.dma(3, self.BUFFER, address)

    def send_message(self, vector):
        """An interrupt by a write to 0xFEE00000: its MSI, sent for the asking."""
        at = self.q.readl(self.config + 0x34) & 0xFF
        while self.q.readl(self.config + at) & 0xFF != 5:
            at = self.q.readl(self.config + at) >> 8 & 0xFF
            check(at, "the edu device has no MSI")
        self.q.writel(self.config + at + 4, 0xFEE00000)
        self.q.writel(self.config + at + 8, 0)
        self.q.writel(self.config + at + 12, vector)
        self.q.writel(self.config + at, 5 | 1 << 16)
        self.q.writel(self.bar + 0x60, 1)


def pattern(seed):
    return bytes((seed + 7 * i) & 0xFF for i in range(WORDS))


def guest_page(q, elf, memory):
    """The machine address of a tiny guest's first code, found by what it must look like."""
    with open(elf, "rb") as f:
        image = f.read()
    offset = int.from_bytes(image[32:40], "little")  # program headers
    at = int.from_bytes(image[offset + 8:offset + 16], "little")
    code = image[at:at + WORDS]
    load = int.from_bytes(image[offset + 24:offset + 32], "little")
    check(load == GUEST_OFFSET and any(code), "a tiny guest is not where it was: %#x" % load)
    found = [a for a in range(GUEST_OFFSET, memory << 20, 1 << 21) if q.read(a) == code]
    check(len(found) == 1, "%d pages look like the guest's" % len(found))
    return found[0]


def wait_fault(m, address, kind):
    m.expect(r"IOMMU: device %s: %s of 0x0*%x blocked" % (DEVICE, kind, address), 20)


def stray(m, edu, victim, works, logged):
    """What a device stores to somebody else's memory, and what it learns of it."""
    before = edu.q.read(victim)
    mark = pattern(0x51)
    edu.q.write(edu.own, mark)
    edu.load(edu.own)  # the control domain's memory: always
    edu.store(victim)
    if works:
        check(edu.q.read(victim) == mark, "DMA to %#x did nothing without an IOMMU" % victim)
        edu.q.write(victim, before)
        return
    if logged:
        wait_fault(m, victim, "write")
    check(edu.q.read(victim) == before, "a stray DMA changed %#x" % victim)
    edu.load(victim)
    if logged:
        wait_fault(m, victim, "read")
    edu.store(edu.own)
    got = edu.q.read(edu.own)
    check(got != before or before == mark, "a device has read %#x" % victim)


def seconds(m):
    """What the guest has had of the CPUs."""
    found = re.search(r"^stays .* ([0-9.]+)$", m.command("list"), re.M)
    check(found, "the guest is gone, or the control domain does not answer")
    return float(found.group(1))


def stray_script(path, works, logged, memory):
    def script(m):
        guest = tiny("stays", elf="spin")
        base = int(m.expect(r"control domain: \d+ MiB at (0x[0-9a-f]+)", 60).group(1), 16)
        m.expect(r"stays\.cfg: started", 60)
        q = Qtest(path)
        edu = Edu(q)
        edu.own = base + (16 << 20) - 4096
        q.write(STALE, pattern(0x22))
        code = guest_page(q, guest.files["spin.elf"], memory)
        for victim in (HYPERVISOR, STALE, code):
            stray(m, edu, victim, works, logged)
        edu.send_message(0xE7)
        m.expect(r"interrupt 0xe7 on CPU 0: nobody wants it", 20)
        before, end = seconds(m), time.monotonic() + 40
        while seconds(m) < before + 0.5:
            check(time.monotonic() < end, "the guest does not run on")
            time.sleep(1)
        m.send("host-poweroff\r")
    return script


def command_line(words):
    """Puts words on the hypervisor's command line."""
    def change(folder):
        path = os.path.join(folder, "boot/grub/grub.cfg")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace("multiboot2 /boot/0", "multiboot2 /boot/0 " + words))
    return change


def case(Case, name, device, must, works=False, logged=True, **keys):
    path = os.path.join(tempfile.gettempdir(), "plinth-%d-%s" % (os.getpid(), name))
    memory = 1024
    # Computes from 10 s on, for as long as the machine is up.
    stays = tiny("stays", verdict=False, elf="spin", cmdline="from=10000 until=11000 end=9000000")
    return Case(name, [stays], opts="", memory=memory, timeout=240, must=must,
                script=stray_script(path, works, logged, memory),
                qemu=device + ("-device", "edu,addr=%d,dma_mask=0xffffffffffff" % SLOT, "-qtest",
                               "unix:%s,server=on,wait=off" % path, "-qtest-log", "/dev/null"), **keys)


def iommu_cases(Case):
    none = r"IOMMU: %s: devices can reach all memory"
    vtd = r"IOMMU: VT-d at 0xfed90000, %d-level tables"
    return [
        case(Case, "iommu-none", (), [none % "none"], works=True),
        case(Case, "iommu-off", ("-device", "intel-iommu"), [none % "left off by the command line"],
             works=True, repack=command_line("quick iommu=off")),
        case(Case, "iommu-vtd", ("-device", "intel-iommu"), [vtd % 3]),
        case(Case, "iommu-vtd-48", ("-device", "intel-iommu,aw-bits=48,caching-mode=on"), [vtd % 4], cpus=2),
        # QEMU 7.2's unit never writes its event log (it takes it to have overflowed from the start), so
        # there is nothing to report there: tests/host/arch/iommu/amdvi_test.c has the log.
        case(Case, "iommu-amdvi", ("-device", "amd-iommu"), [r"IOMMU: AMD-Vi at 0xfed80000, 4-level tables"],
             logged=False),
    ]
