# SPDX-License-Identifier: BSD-2-Clause
"""Booted tests of disks: a Debian userland on ext4 behind each of the control domain's drivers."""
import os
import shutil
import subprocess

from guests import DEBIAN, Guest, tiny
from machine import BUILD, ROOT, Failure, make_lock, run

IMAGE = os.path.join(ROOT, "build", "disk", "debian.img")


def check(condition, what):
    if not condition:
        raise Failure(what)


def debian_image():
    """Made once, by tests/boot/disk/debian.sh."""
    with make_lock:
        run(["make", "-s", "disk-image"])
    return IMAGE


def image_path(case, name):
    return os.path.join(BUILD, "%s-%s.img" % (case, name))


def copy_image(source, target):
    run(["cp", "--sparse=always", source, target])
    return target


def fsck(path):
    """e2fsck -fn must find nothing."""
    r = subprocess.run(["e2fsck", "-fn", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(r.returncode == 0, "e2fsck -fn %s: %s" % (path, r.stdout.decode("latin-1")[-400:]))


def sfdisk(path, script):
    run(["sfdisk", "--quiet", path], input=script.encode())


def partition_offset(path, number):
    """Bytes from the image's start to a partition."""
    out = run(["sfdisk", "--dump", path])
    row = [x for x in out.splitlines() if x.startswith("%s%d " % (path, number))][0]
    return 512 * int(row.split("start=")[1].split(",")[0])


def put(path, offset, source):
    """Copies a file into an image, leaving holes."""
    run(["dd", "if=" + source, "of=" + path, "bs=1M", "conv=notrunc,sparse", "oflag=seek_bytes",
         "seek=%d" % offset, "status=none"])


def take(path, offset, size, target):
    run(["dd", "if=" + path, "of=" + target, "bs=1M", "conv=sparse", "iflag=skip_bytes,count_bytes",
         "skip=%d" % offset, "count=%d" % size, "status=none"])
    return target


def user(name, disks, memory=256, extra="", **keys):
    """A guest whose system is on its first disk."""
    g = Guest(name, {"vmlinuz": DEBIAN + "/vmlinuz", "initrd": DEBIAN + "/initrd"}, kernel="vmlinuz",
              ramdisk="initrd", memory=memory, root="/dev/xvda",
              extra="console=hvc0 quiet cryptomgr.notests" + extra,
              **{"plinth_console": "log", **keys})
    g.more = "disk = [%s]\n" % ", ".join("'%s'" % d for d in disks)
    return g


# What a guest of debian.sh's image says: written, rebooted, read back.
SEEN = [r"deb\| plinth-disk root=/dev/xvda ext4 debian=12", r"deb\| plinth-disk written",
        r"deb \(domain \d+\) rebooted: restart", r"deb\| plinth-disk read back \d+ files",
        r"deb \(domain \d+\) powered off: destroy"]
WRONG = [r"plinth-disk failed", r"I/O error", r"EXT4-fs error"]

NVME = ("-device", "nvme,drive=d,serial=plinth1")
# The rest of QEMU's words for each controller, and what the control domain calls the disk.
CONTROLLERS = {
    "nvme": (NVME, "nvme0n1"),
    "ahci": (("-device", "ide-hd,drive=d,bus=ide.0"), "ahci0p0"),
    "virtio": (("-device", "virtio-blk-pci,drive=d,disable-legacy=on"), "virtio0"),
    "virtio-legacy": (("-device", "virtio-blk-pci,drive=d,disable-modern=on"), "virtio0"),
    "ide": (("-machine", "pc", "-device", "ide-hd,drive=d,bus=ide.0,unit=0"), "ata0p0"),
    "xhci": (("-device", "qemu-xhci", "-device", "usb-storage,drive=d"), "xhci0p1"),
    "ehci": (("-device", "usb-ehci", "-device", "usb-storage,drive=d"), "ehci0p1"),
}


# vCPUs of the guest, CPUs and MiB of the machine.
MACHINES = {"ahci": (4, 2, 1024), "ide": (1, 1, 6144)}


def drive(path):
    return "-drive", "if=none,id=d,file=%s,format=raw" % path


def controller_case(Case, controller):
    name = "disk-" + controller
    path = image_path(name, "disk")
    words, device = CONTROLLERS[controller]
    # One with a queue for each of four vCPUs; one on a machine with memory beyond what IDE reaches.
    vcpus, cpus, memory = MACHINES.get(controller, (1, 1, 1024))
    return Case(name, [user("deb", ["phy:%s,xvda,w" % device], vcpus=vcpus)], timeout=150, cpus=cpus,
                memory=memory, prepare=lambda: copy_image(debian_image(), path), after=lambda: fsck(path),
                qemu=drive(path) + words, in_order=SEEN, must_not=WRONG,
                must=[r"plinth-disk root=\S+ ext4 .* queues=%d$" % vcpus])


# ---- rings -------------------------------------------------------------------------------------

def with_disks(guest, *disks):
    guest.more = "disk = [%s]\n" % ", ".join("'%s'" % d for d in disks)
    return guest


def ring_guest(name, elf, **keys):
    """A test guest whose xvda is a RAM disk."""
    g = tiny(name, elf=elf, **keys)
    g.files["ram-%s.img" % name] = lambda: bytes(2 << 20)
    return with_disks(g, "file:ram-%s.img,xvda,w" % name)


def ring_cases(Case):
    def guests(**keys):
        return [ring_guest("disk_basic", "disk_basic"), ring_guest("disk_hostile", "disk_hostile", **keys)]
    return [Case("disk-rings", guests(), timeout=200),
            Case("intel-disk-rings", guests(cmdline="few"), bed="intel", cpu="corei7_haswell_4770", timeout=300)]


def pattern(n):
    """What the partitions beside the guest's are full of."""
    return (b"plinth guard %d " % n * 4096)[:65536]


def guarded_disk(path):
    """Three partitions of 2 MiB, the outer two full of a pattern, as is what lies between."""
    with open(path, "wb") as f:
        for n in range(8 << 20 >> 16):
            f.write(pattern(n))
    sfdisk(path, "label: gpt\nstart=2048, size=4096\nstart=6144, size=4096\nstart=10240, size=4096\n")
    with open(path, "rb") as f:
        return f.read()


def check_guards(path, before):
    """Nothing but the middle partition has changed."""
    with open(path, "rb") as f:
        after = f.read()
    first, last = 6144 * 512, 10240 * 512
    check(after[:first] == before[:first], "the disk was written before the guest's partition")
    check(after[last:] == before[last:], "the disk was written behind the guest's partition")
    check(after[first:last] != before[first:last], "the guest's partition was written at all")


def hostile_case(Case):
    """On a real controller behind an IOMMU, which would say so if the device reached too far."""
    path = image_path("disk-hostile", "disk")
    before = []
    return Case("disk-hostile", [with_disks(tiny("disk_hostile"), "phy:nvme0n1p2,xvda,w")],
                prepare=lambda: before.append(guarded_disk(path)),
                after=lambda: check_guards(path, before[-1]), timeout=200,
                qemu=("-device", "intel-iommu") + drive(path) + NVME, must=[r"IOMMU: VT-d"],
                must_not=[r"IOMMU: device .* blocked"])


# ---- Bochs ------------------------------------------------------------------------------------

def bochs_ide(path):
    return ('ata0-master: type=disk, path="%s", mode=flat' % path,)


def bochs_ehci(path):
    return ('usb_ehci: enabled=1, port1=disk, options1="speed:high, path:%s"' % path,)


def intel_case(Case, name, lines, device, cpu="corei7_haswell_4770", bed="intel"):
    path = image_path(name, "disk")
    return Case(name, [user("deb", ["phy:%s,xvda,w" % device], extra=" few")], timeout=300, bed=bed, cpu=cpu,
                prepare=lambda: copy_image(debian_image(), path), after=lambda: fsck(path),
                qemu=lines(path), in_order=SEEN, must_not=WRONG)


def disk_cases(Case):
    return [controller_case(Case, c) for c in CONTROLLERS] + ring_cases(Case) + [
        hostile_case(Case),
        intel_case(Case, "intel-disk-ide", bochs_ide, "ata0p0"),
        intel_case(Case, "intel-disk-ehci", bochs_ehci, "ehci0p1"),
    ]
