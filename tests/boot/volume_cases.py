# SPDX-License-Identifier: BSD-2-Clause
"""Booted tests of volumes (partitions by any of their names, raw images on ext file systems, boot modules,
overlays), of what must be refused, and of the commands about disks."""
import hashlib
import os
import re
import shutil
import statistics
import time

from disk_cases import (CONTROLLERS, IMAGE, NVME, SEEN, WRONG, check, debian_image, drive, fsck, image_path,
                        partition_offset, put, sfdisk, take, user, with_disks)
from disk_trouble_cases import blank, stress
from guests import tiny
from machine import PROMPT, run
from qmp import Qmp, qmp_words

MIB = 1 << 20
QUICK = "ms=300 quiet span=256"
UUID = "01234567-89AB-CDEF-0123-456789ABCDEF"


def file_system(path, kind, mib, files, *options):
    """An ext file system with these files: name -> path of its contents, or its bytes, all hole."""
    blank(path, mib)
    run(["mke2fs", "-q", "-F", "-t", kind, "-b", "4096", *options, path])
    for name, source in files.items():
        if isinstance(source, int):
            with open(path + ".hole", "wb") as f:
                f.truncate(source)
            source = path + ".hole"
        run(["debugfs", "-w", "-R", "write %s %s" % (source, name), path])


def unknown_feature(path):
    """Linux' documentation, "ext4 Data Structures and Algorithms", "Super Block": s_feature_incompat."""
    with open(path, "r+b") as f:
        f.seek(1024 + 0x60 + 3)
        f.write(b"\x40")


def blocks_of(path, name):
    """512-byte blocks that a file has, by debugfs."""
    out = run(["debugfs", "-R", "stat %s" % name, path])
    return int(re.search(r"Blockcount: (\d+)", out).group(1))


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


# ---- every kind of volume in one boot ----------------------------------------------------------

def volume_disks(gpt, mbr):
    blank(gpt, 160)
    sfdisk(gpt, "label: gpt\nstart=1MiB, size=4MiB, name=small, uuid=%s\nstart=5MiB, size=64MiB, name=data\n"
                "start=69MiB, size=32MiB, name=old\nstart=101MiB, size=32MiB, name=odd\n"
                "start=133MiB, size=4MiB, name=over\n"
                "start=137MiB, size=4MiB, name=three\nstart=141MiB, size=4MiB, name=seven\n" % UUID)
    with open(gpt, "r+b") as f:
        f.seek(137 * MIB)
        f.write(b"not an overlay" * 1000)
    for number, kind, mib, files, options in (
            (2, "ext4", 64, {"sparse.img": 32 * MIB, "base.img": 8 * MIB}, ()),
            (3, "ext2", 32, {"two.img": 8 * MIB}, ()),
            (4, "ext4", 32, {}, ("-O", "^metadata_csum"))):
        part = "%s.%d" % (gpt, number)
        file_system(part, kind, mib, files, *options)
        if number == 4:
            unknown_feature(part)
        put(gpt, partition_offset(gpt, number), part)
    blank(mbr, 16)
    sfdisk(mbr, "label: dos\nstart=1MiB, size=4MiB\nstart=6MiB, type=5\nstart=7MiB, size=4MiB\n")


GOOD = {  # guest: its disk
    "by-device": "phy:nvme0n1p7", "by-uuid": "phy:UUID=01234567-89ab-cdef-0123-456789abcdef", "by-dev": "phy:/dev/nvme1n1p1", "logical": "phy:nvme1n1p5",
    "on-ext4": "file:/LABEL=data/sparse.img", "on-ext2": "file:/LABEL=old/two.img",
    "module": "file:ram-module.img", "over-file": "cow:/LABEL=data/base.img",
    "over-module": "cow:ram-base.img,overlay=LABEL=over",
}
BAD = {  # guest: its disk, what the line about it says
    "bad-device": ("phy:nvme7n1", r"there is no disk or partition nvme7n1"),
    "bad-label": ("phy:LABEL=nobody", r"there is no disk or partition LABEL=nobody"),
    "bad-file": ("file:/LABEL=data/none.img", r"none\.img"),
    "bad-fs": ("file:/LABEL=odd/x.img", r".*feature"),
    "bad-module": ("file:none.img", r"none\.img"),
    "zbad-overlay": ("cow:ram-base.img,overlay=LABEL=three", r".*overlay"),
}


def volume_guests():
    guests = []
    for name, disk in GOOD.items():
        g = stress(name, "%s,vdev=xvda,access=rw" % disk if "overlay" in disk else disk + ",xvda,w", QUICK + " salt=7")
        guests.append(g)
    guests[0].files["ram-module.img"] = lambda: bytes(2 * MIB)
    guests[0].files["ram-base.img"] = lambda: bytes(2 * MIB)
    for name, (disk, _) in BAD.items():
        more = "%s,vdev=xvda,access=rw" % disk if "overlay" in disk else disk + ",xvda,w"
        guests.append(stress(name, more, QUICK, False))
    return guests


def look_at_volumes(gpt):
    def after():
        data = take(gpt, partition_offset(gpt, 2), 64 * MIB, gpt + ".data")
        fsck(data)
        check(blocks_of(data, "sparse.img") < 2 * MIB // 512, "a sparse file has been filled")
        check(blocks_of(data, "sparse.img") > 0, "nothing is in the sparse file")
        check(blocks_of(data, "base.img") == 0, "the base of an overlay was written")
        old = take(gpt, partition_offset(gpt, 3), 32 * MIB, gpt + ".old")
        fsck(old)
        check(blocks_of(old, "two.img") > 0, "nothing is in the file on ext2")
        over = take(gpt, partition_offset(gpt, 5), 4 * MIB, gpt + ".over")
        with open(over, "rb") as f:
            check(f.read(8) == b"PLINCOW1", "the overlay on a partition has no header")
    return after


def volume_case(Case):
    gpt, mbr = image_path("volumes", "gpt"), image_path("volumes", "mbr")
    return Case("volumes", volume_guests(), timeout=150, memory=1024, prepare=lambda: volume_disks(gpt, mbr),
                after=look_at_volumes(gpt),
                must=[r"%s\.cfg:\d+: key 'disk': .*%s" % (n, w) for n, (_, w) in BAD.items()],
                qemu=drive(gpt) + ("-drive", "if=none,id=e,file=%s,format=raw" % mbr) + NVME +
                ("-device", "nvme,drive=e,serial=plinth2"))


# ---- Debian on a file and on an overlay ----------------------------------------------------------

def debian_on_files(path):
    debian_image()
    part = path + ".part"
    blank(path, 1100)
    sfdisk(path, "label: gpt\nstart=1MiB, size=1090MiB, name=guests\n")
    file_system(part, "ext4", 1090, {"deb.img": IMAGE, "base.img": IMAGE})
    put(path, partition_offset(path, 1), part)
    os.unlink(part)


def look_at_files(path):
    def after():
        part = take(path, partition_offset(path, 1), 1090 * MIB, path + ".part")
        fsck(part)
        for name in ("deb.img", "base.img"):
            run(["debugfs", "-R", "dump %s %s.%s" % (name, path, name), part])
        fsck("%s.deb.img" % path)
        check(digest(path + ".base.img") == digest(IMAGE), "the base of an overlay has changed")
        for name in ("deb.img", "base.img", "part"):
            os.unlink("%s.%s" % (path, name))
    return after


def debian_file_case(Case, name, disk):
    path = image_path(name, "disk")
    return Case(name, [user("deb", ["%s,xvda,w" % disk])], timeout=240, prepare=lambda: debian_on_files(path),
                after=(look_at_files(path)), qemu=drive(path) + NVME, in_order=SEEN, must_not=WRONG)


# ---- commands ------------------------------------------------------------------------------------

def rates(m, guest, seconds):
    """Requests a second, the median of this many lines of disk_stress: the host may be busy for a moment."""
    got = []
    for _ in range(seconds):
        r = m.expect(r"%s\| disk_stress: (\d+) done in (\d+) ms" % guest, 30)
        got.append(int(r.group(1)) * 1000 / int(r.group(2)))
    return statistics.median(got)


def limited(m, words, requests):
    m.command("block-limit steady xvda " + words)
    rates(m, "steady", 2)
    got = rates(m, "steady", 5)
    check(abs(got - requests) <= requests / 10, "%s: %.0f requests a second, not %d" % (words, got, requests))


def command_script(name):
    def script(m):
        m.expect(PROMPT, 60)
        rates(m, "steady", 1)
        out = m.command("devices")
        check(re.search(r"^0000:00:\S+ 1af4:1042 010000 +MSI-X.* virtio0$", out, re.M), "devices: " + out)
        out = m.command("disks")
        check(re.search(r"^virtio0p1 +8 +512 +no +one +guest steady \(writing\)$", out, re.M), "disks: " + out)
        out = m.command("block-list steady")
        check(re.search(r"^xvda +51712 +4 +w +8 +\d+ +\d+ +\d+ +0  LABEL=one$", out, re.M), "block-list: " + out)
        limited(m, "ops=500", 500)
        limited(m, "ops=0 bandwidth=4M", 1024)
        limited(m, "bandwidth=1M", 256)
        check("bandwidth=1048576/1000/0" in m.command("block-limit steady xvda"), "block-limit shows it")
        m.command("block-limit steady xvda bandwidth=0")
        check(rates(m, "steady", 2) > 1500, "without a limit again")
        check("no SIZE" not in m.command("block-limit steady xvda ops=x") and
              "is not bandwidth=" in m.command("block-limit steady xvda ops=x"), "bad limit")

        check(not re.search("block-attach:", m.command("block-attach steady phy:LABEL=two,xvdb,w")), "attach")
        check("xvdb" in m.command("block-list steady"), "attached")
        check("has a disk xvdb already" in m.command("block-attach steady phy:LABEL=three,xvdb,w"), "twice")
        check("in use for writing" in m.command("block-attach other phy:LABEL=one,xvdb,w"), "in use")
        m.command("block-detach steady xvdb")
        check("xvdb" not in m.command("block-list steady"), "detached what nobody uses")
        # disk_stress does not listen: it keeps its disk, which works, until it is taken away.
        out = m.command("block-detach steady xvda")
        check("does not let go of xvda" in out, "block-detach: " + out)
        check(re.search(r"^xvda +51712 +4 ", m.command("block-list steady"), re.M), "kept")
        check(rates(m, "steady", 2) > 100, "and used")
        m.command("block-detach other xvda --force")
        check("xvda" not in m.command("block-list other"), "taken away")
        check(not re.search(r"guest other", m.command("disks")), "and free")

        Qmp(name).ask("block_resize", device="d", size=96 * MIB)
        m.expect(r"virtio0: the size is now 96 MiB", 20)
        check(re.search(r"^virtio0 +96 ", m.command("disks"), re.M), "the new size")
        m.command("destroy steady")
        m.send("host-poweroff\r")
    return script


def command_case(Case):
    name = "disk-commands"
    path = image_path(name, "disk")

    def prepare():
        blank(path, 64)
        sfdisk(path, "label: gpt\n" + "".join("size=8MiB, name=%s\n" % n for n in ("one", "two", "three")))
    guests = [stress("other", "phy:LABEL=three,xvda,w", "wait ms=600000", False),
              stress("steady", "phy:LABEL=one,xvda,w", "ms=600000 salt=1 span=1024", False)]
    return Case(name, guests, opts="", timeout=200, memory=512, prepare=prepare, script=command_script(name),
                qemu=drive(path) + CONTROLLERS["virtio"][0] + qmp_words(name), must_not=[r"\| FAIL", r"\| ERROR"])


# ---- sizes and read-only ones --------------------------------------------------------------------

def size_script(m):
    m.expect(r"disk_resize: 8192 sectors", 60)
    check("cannot shrink" in m.command("block-resize disk_resize xvda 1M"), "shrinking is refused")
    check("is no size" in m.command("block-resize disk_resize xvda big"), "no size")
    check("is no file" in m.command("block-resize disk_readonly xvda 8M") or
          "invalid domain" in m.command("block-resize disk_readonly xvda 8M"), "a module does not grow")
    m.command("block-resize disk_resize xvda 10M")
    m.position = 0
    m.expect(r"disk_resize: 20480 sectors now", 60)


def size_case(Case):
    """A sparse file on ext4 that grows while a guest uses it; RAM disks for reading alone."""
    name = "disk-sizes"
    path = image_path(name, "disk")
    folder = image_path(name, "tree")

    def prepare():
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(os.path.join(folder, "small.img"), "wb") as f:
            f.truncate(4 * MIB)
        if os.path.exists(path):
            os.unlink(path)
        run(["mke2fs", "-q", "-t", "ext4", "-d", folder, path, "64M"])
        shutil.rmtree(folder)
    readonly = tiny("disk_readonly")
    readonly.files["ram.img"] = lambda: b"plinth!!" * (MIB // 8)
    with_disks(readonly, "file:ram.img,xvda,r", "file:ram.img,xvdb,r,devtype=cdrom")
    return Case(name, [with_disks(tiny("disk_resize"), "file:/nvme0n1/small.img,xvda,w"), readonly], timeout=120,
                memory=512, prepare=prepare, script=size_script, after=lambda: fsck(path), qemu=drive(path) + NVME)


# ---- many guests, one disk -----------------------------------------------------------------------

def fair_script(m, within):
    """Rates of eight guests over the same seconds. Behind an emulated IOMMU some hundred requests a second
    are too few to compare."""
    done = {}
    end = time.monotonic() + 60
    m.expect(r"g7\| disk_stress: ", 60)
    while min([0] if len(done) < 8 else [len(x) for x in done.values()]) < 5 and time.monotonic() < end:
        r = m.expect(r"g(\d)\| disk_stress: (\d+) done in (\d+) ms", 30)
        done.setdefault(r.group(1), []).append(int(r.group(2)) * 1000 / int(r.group(3)))
    mean = {g: sum(x[:5]) / 5 for g, x in done.items()}
    check(len(mean) == 8, "only %d guests have done anything" % len(mean))
    least, most = min(mean.values()), max(mean.values())
    check(least > 0 and most - least <= within * most, "rates: " + ", ".join("%.0f" % x for x in sorted(mean.values())))
    m.send("host-poweroff\r")


def fair_case(Case, iommu=""):
    name = "disk-fair" + iommu
    path = image_path(name, "disk")

    def prepare():
        blank(path, 80)
        sfdisk(path, "label: gpt\n" + "".join("size=8MiB, name=g%d\n" % i for i in range(8)))
    guests = [stress("g%d" % i, "phy:LABEL=g%d,xvda,w" % i, "ms=600000 salt=%d span=1024" % i, False)
              for i in range(8)]
    return Case(name, guests, opts="", timeout=150, memory=1024, prepare=prepare,
                script=lambda m: fair_script(m, 1 if iommu else 0.2),
                qemu=(("-device", iommu[1:]) if iommu else ()) + drive(path) + NVME,
                must_not=[r"\| FAIL", r"\| ERROR", r"IOMMU: device .* blocked"])


def volume_cases(Case):
    return [volume_case(Case), debian_file_case(Case, "disk-file", "file:/LABEL=guests/deb.img"),
            debian_file_case(Case, "disk-cow", "cow:/LABEL=guests/base.img"), command_case(Case), size_case(Case)] + [
        fair_case(Case, iommu) for iommu in ("", "-intel-iommu", "-amd-iommu")]
