# SPDX-License-Identifier: BSD-2-Clause
"""The disks of disk/crash.c on the host: making them, reading them, what power loss leaves of them.

Overlays are read here by what dom0/cow/README.md says, with none of the control domain's code."""
import functools
import os
import re
import shutil
import struct
import subprocess

from disk_cases import partition_offset, put, sfdisk
from machine import Failure, run

SECTOR, UNIT, STEPS, FILES = 512, 64, 16384, 10
MIB = 1 << 20
LOG_MIB, DATA_MIB, RAW_MIB, FS_MIB = 32, 160, 8, 24
DISKS = "bcde"
DISCARDED = 0xFFFFFFFF
M64 = (1 << 64) - 1


@functools.lru_cache(1 << 17)
def content(size, number, place):
    mix = (number * 0x9E3779B97F4A7C15 ^ (place + 1) * 0xC2B2AE3D27D4EB4F) & M64
    return struct.pack("<IIQ", number, place, mix) * (size // 16)


# ---- making ------------------------------------------------------------------------------------

def mke2fs(path, mib, *options):
    if os.path.exists(path):
        os.unlink(path)
    run(["mke2fs", "-q", "-t", "ext4", *options, path, "%dM" % mib])


def make_disk(path):
    """A GPT: "acks", which is xvda, and "data", with what the other four disks lie in."""
    tree = path + ".tree"
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    mke2fs(tree + "/guest.img", FS_MIB, "-b", "1024")
    mke2fs(tree + "/base.img", FS_MIB, "-b", "4096", "-J", "size=4")
    with open(tree + "/raw.img", "wb") as f:
        f.truncate(RAW_MIB * MIB)
    with open(tree + "/rawbase.img", "wb") as f:
        f.write(b"".join(content(SECTOR, 0, s) for s in range(RAW_MIB * MIB // SECTOR)))
    mke2fs(path + ".data", DATA_MIB, "-b", "4096", "-d", tree)
    if os.path.exists(path):
        os.unlink(path)
    with open(path, "wb") as f:
        f.truncate((LOG_MIB + DATA_MIB + 3) * MIB)
    sfdisk(path, "label: gpt\nsize=%dMiB, name=acks\nsize=%dMiB, name=data\n" % (LOG_MIB, DATA_MIB))
    put(path, partition_offset(path, 2), path + ".data")
    os.unlink(path + ".data")
    shutil.rmtree(tree)


GUEST_DISKS = ["phy:LABEL=acks,xvda,w", "file:/LABEL=data/guest.img,xvdb,w",
               "cow:/LABEL=data/base.img,xvdc,w,overlay=/LABEL=data/over.cow",
               "file:/LABEL=data/raw.img,xvdd,w",
               "cow:/LABEL=data/rawbase.img,xvde,w,overlay=/LABEL=data/rawover.cow"]


# ---- overlays ----------------------------------------------------------------------------------

def crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for b in data:
        crc = CRC[(crc ^ b) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Overlay:
    def __init__(self, data, name):
        self.data, self.name = data, name
        headers = [h for h in (self.header(0), self.header(4096)) if h]
        if not headers:
            raise Failure(name + ": no header is right")
        self.generation, self.shift, self.sectors, self.log, self.sequence, self.record, self.previous = max(headers)
        self.map = {}
        self.replay()

    def header(self, at):
        h = self.data[at:at + 512]
        if len(h) < 512 or h[:8] != b"PLINCOW1" or crc32c(h[:508]) != int.from_bytes(h[508:], "little"):
            return None
        version, shift, generation, sectors = struct.unpack_from("<IIQQ", h, 8)
        log, sequence, record = struct.unpack_from("<QQI", h, 72)
        if version != 1 or not 16 <= shift <= 22 or record not in (512, 1024, 2048, 4096):
            raise Failure("%s: a header with a right checksum is wrong" % self.name)
        return generation, shift, sectors, log, sequence, record, int.from_bytes(h[508:], "little")

    def replay(self):
        cluster, n, size = self.log, 0, 1 << self.shift
        while True:
            at = cluster * size + n * self.record
            r = self.data[at:at + self.record]
            if len(r) < self.record:
                return
            magic, count, sequence, following, previous = struct.unpack_from("<4sIQII", r)
            n += 1
            last = n * self.record == size
            if magic != b"PLCR" or sequence != self.sequence or previous != self.previous or \
                    bool(following) != last or 24 + 8 * count > self.record - 4 or \
                    crc32c(r[:-4]) != int.from_bytes(r[-4:], "little"):
                return
            self.map.update(struct.iter_unpack("<II", r[24:24 + 8 * count]))
            self.sequence += 1
            self.previous = int.from_bytes(r[-4:], "little")
            if last:
                cluster, n = following, 0

    def over(self, base):
        """The disk's content."""
        size, out = 1 << self.shift, bytearray(base)
        if len(base) != self.sectors * SECTOR:
            raise Failure("%s: %d sectors over a base of %d bytes" % (self.name, self.sectors, len(base)))
        places = [p for p in self.map.values() if p != DISCARDED]
        if len(set(places)) != len(places) or min(places, default=2) < 2:
            raise Failure("%s: two clusters in one place" % self.name)
        for cluster, place in self.map.items():
            end = min(size, len(base) - cluster * size)
            piece = bytes(end) if place == DISCARDED else self.data[place * size:place * size + end]
            if len(piece) != end:
                raise Failure("%s: a place behind its end" % self.name)
            out[cluster * size:cluster * size + end] = piece
        return bytes(out)


# ---- the log of steps --------------------------------------------------------------------------

OP_WRITE, OP_NEW, OP_TRUNCATE, OP_RENAME, OP_UNLINK, OP_RESET, OP_RAW, OP_DISCARD = range(1, 9)


def step_sum(sector):
    total = 2166136261
    for (word,) in struct.iter_unpack("<I", sector[:508]):
        total = (total ^ word) * 16777619 & 0xFFFFFFFF
    return total


class Log:
    """What one disk must have: by the steps that are done, and by one that may have been under way."""

    def __init__(self, acks, disk):
        self.disk, self.last, self.begun = disk, 0, None
        self.files = [None] * FILES  # lists of the step that wrote each unit
        self.raw = [0] * (RAW_MIB * MIB // SECTOR)
        start = DISKS.index(disk) * STEPS * SECTOR
        for n in range(1, STEPS):
            s = acks[start + n * SECTOR:start + (n + 1) * SECTOR]
            magic, state, number, *step = struct.unpack_from("<8I", s)
            if magic != 0x4853524C or number != n or \
                    (n, state, bytes(s)) not in self.known and step_sum(s) != int.from_bytes(s[508:], "little"):
                return
            self.known.add((n, state, bytes(s)))
            if state != 2:
                self.begun = (n, *step)
                return
            self.replay(n, *step)
            self.last = n

    known = set()  # sectors whose sum was right once

    def replay(self, n, op, file, other, at, count):
        f = self.files
        if op == OP_NEW:
            f[file] = [n] * count
        elif op == OP_WRITE:
            units = f[file] or []
            units += [0] * (at + count - len(units))
            units[at:at + count] = [n] * count
            f[file] = units
        elif op == OP_TRUNCATE:
            f[file] = f[file][:at] + [0] * (at - len(f[file]))
        elif op == OP_RENAME:
            f[file], f[other] = None, f[file]
        elif op in (OP_UNLINK, OP_RESET):
            f[file] = f[other] = None
        else:
            self.raw[at:at + count] = [n if op == OP_RAW else DISCARDED] * count

    def check_raw(self, data):
        n, op, _, _, at, count = self.begun or (0, 0, 0, 0, 0, 0)
        for s, of in enumerate(self.raw):
            got = data[s * SECTOR:(s + 1) * SECTOR]
            says = int.from_bytes(got[:4], "little")
            busy = at <= s < at + count
            if (of == DISCARDED or busy and op == OP_DISCARD) and not any(got):
                continue
            if (of == DISCARDED and says <= self.last) or (busy and op == OP_RAW and says == n):
                of = says
            if got != (bytes(SECTOR) if of == 0 and self.disk == "d" else content(SECTOR, of, s)):
                raise Failure("xvd%s after step %d: sector %d is of step %d, not %d" % (
                    self.disk, self.last, s, says, self.raw[s]))

    def check_files(self, folder):
        for i, units in enumerate(self.files):
            self.check_file(i, units, os.path.join(folder, "d%d" % (i % 3), "f%d" % i))

    def check_file(self, i, units, path):
        busy = self.begun is not None and i in self.begun[2:4]
        if not os.path.exists(path):
            if units is not None and not busy:
                raise Failure("xvd%s after step %d: file %d is gone" % (self.disk, self.last, i))
            return
        with open(path, "rb") as f:
            got = f.read()
        if not busy and (units is None or len(got) != len(units) * UNIT):
            raise Failure("xvd%s after step %d: file %d has %d bytes" % (self.disk, self.last, i, len(got)))
        for u in range(len(got) // UNIT):
            may = {self.of(i, u)}
            if busy:
                may |= {0, self.begun[0], self.of(self.begun[2], u), self.of(self.begun[3], u)}
            if got[u * UNIT:(u + 1) * UNIT] not in [content(UNIT, n, u) if n else bytes(UNIT) for n in may]:
                raise Failure("xvd%s after step %d: file %d, unit %d is not of step %s" % (
                    self.disk, self.last, i, u, may))

    def of(self, i, u):
        units = self.files[i] or []
        return units[u] if u < len(units) else 0


# ---- looking at a disk -------------------------------------------------------------------------

def e2fsck(path, *options):
    r = subprocess.run(["e2fsck", "-f", *options, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode & ~1:
        raise Failure("e2fsck %s %s: %s" % (options, path, r.stdout.decode("latin-1")[-400:]))
    return r.returncode, r.stdout.decode("latin-1")


# Linux keeps the sums of the groups' counts in memory until a file system is unmounted; and what e2fsck could
# lay out better is not wrong.
SUMS = re.compile(r"Free (blocks|inodes) count wrong \(\d+, counted=\d+\)\.\nFix\? yes")


def recover(path, by_linux=False):
    """It may replay the journal, and end what was being deleted, but find nothing to repair. Only a superblock
    of which one of two sectors is old is taken from its copy, and what that says is out of date."""
    code, said = e2fsck(path, "-y")
    torn = "trying backup blocks" in said
    said = said.replace("Optimize? yes", "")
    if "? yes" in (SUMS.sub("", said) if by_linux else said) and not torn:
        raise Failure("e2fsck had to repair %s: %s" % (path, said[-600:]))
    if torn:
        torn_superblocks.append(path)
    e2fsck(path, "-n")
    return code


torn_superblocks = []


def debugfs(path, *commands):
    r = subprocess.run(["debugfs", "-f", "-", path], input="\n".join(commands).encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return r.stdout.decode("latin-1")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def check_fs(path, log, folder):
    """A guest's file system: recovered as its own kernel would, then read."""
    recover(path, by_linux=True)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    debugfs(path, *("rdump /d%d %s" % (i, folder) for i in range(3)))
    log.check_files(folder)
    shutil.rmtree(folder)


def overlay(path, log, base):
    """The disk's content; as long as nothing was written by the guest the overlay may not be there yet."""
    data = read(path) if os.path.exists(path) else b""
    if not any(data[:8192]) and not log.last and not log.begun:
        return base
    return Overlay(data, os.path.basename(path)).over(base)


def check_data(data, acks, bases):
    """The partition "data" as a file, which is changed, and the content of "acks". Returns how many steps
    were done on each disk."""
    logs = {d: Log(acks, d) for d in DISKS}
    out = data + ".out"
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    recover(data)
    said = debugfs(data, *("dump /%s %s/%s" % (n, out, n)
                           for n in ("guest.img", "raw.img", "over.cow", "rawover.cow")))
    if not os.path.exists(out + "/raw.img"):
        raise Failure("debugfs: " + said[-300:])
    check_fs(out + "/guest.img", logs["b"], out + "/b")
    logs["d"].check_raw(read(out + "/raw.img"))
    logs["e"].check_raw(overlay(out + "/rawover.cow", logs["e"], bases["rawbase.img"]))
    with open(out + "/c.img", "wb") as f:
        f.write(overlay(out + "/over.cow", logs["c"], bases["base.img"]))
    check_fs(out + "/c.img", logs["c"], out + "/c")
    shutil.rmtree(out)
    return {d: logs[d].last for d in DISKS}


def take_partition(path, number, mib, target):
    run(["dd", "if=" + path, "of=" + target, "bs=1M", "conv=sparse", "iflag=skip_bytes,count_bytes",
         "skip=%d" % partition_offset(path, number), "count=%d" % (mib * MIB), "status=none"])


def split(path):
    """(a file with "data", the content of "acks", the bases)."""
    data = path + ".p2"
    if os.path.exists(data):
        os.unlink(data)
    take_partition(path, 2, DATA_MIB, data)
    with open(path, "rb") as f:
        f.seek(partition_offset(path, 1))
        acks = f.read(LOG_MIB * MIB)
    bases = {}
    for n in ("base.img", "rawbase.img"):
        debugfs(data, "dump /%s %s" % (n, data + "." + n))
        bases[n] = read(data + "." + n)
        os.unlink(data + "." + n)
    return data, acks, bases


def check_disk(path):
    """After a machine has ended, well or not. The image is not changed."""
    data, acks, bases = split(path)
    try:
        return check_data(data, acks, bases)
    finally:
        os.unlink(data)


# ---- power loss --------------------------------------------------------------------------------

FLUSH, FUA, DISCARD = 1, 2, 4


def read_writes(path):
    """QEMU's blklogwrites, in the format of Linux's dm-log-writes: (byte, data or length or None, flags)."""
    with open(path, "rb") as f:
        magic, version, entries, size = struct.unpack("<QQQI", f.read(28))
        if magic != 0x6A736677736872 or version != 1:
            raise Failure("%s is no log of writes" % path)
        at = size
        for _ in range(entries):
            f.seek(at)
            sector, count, flags, length = struct.unpack("<QQQQ", f.read(32))
            at += size
            if flags & DISCARD:
                yield sector * size, count * size, flags
                continue
            if count:
                f.seek(at)
                yield sector * size, f.read(count * size), flags
                at += count * size
            else:
                yield 0, None, flags


def some_of(rng, writes):
    """What a disk with a volatile cache may have of these: of each nothing, all, or any of its sectors."""
    for at, what, flags in writes:
        kind = 1.0 if flags & FUA else rng.random()
        if what is None or kind < 0.3:
            continue
        if isinstance(what, int):
            yield at, bytes(what)
        elif kind >= 0.65:
            yield at, what
        else:
            for i in range(0, len(what), SECTOR):
                if rng.random() < 0.5:
                    yield at + i, what[i:i + SECTOR]


def all_of(writes):
    for at, what, _ in writes:
        if what is not None:
            yield at, bytes(what) if isinstance(what, int) else what


class Medium:
    """What two partitions have: "acks" in memory, "data" in a file."""

    def __init__(self, data, acks, starts):
        self.data, self.acks, self.starts = data, bytearray(acks), starts

    def copy(self, target):
        run(["cp", "--sparse=auto", self.data, target])
        return Medium(target, self.acks, self.starts)

    def write(self, writes):
        with open(self.data, "r+b") as f:
            for at, data in writes:
                acks, in_data = at - self.starts[0], at - self.starts[1]
                if 0 <= acks and acks + len(data) <= len(self.acks):
                    self.acks[acks:acks + len(data)] = data
                elif 0 <= in_data and in_data + len(data) <= DATA_MIB * MIB:
                    f.seek(in_data)
                    f.write(data)
                else:
                    raise Failure("a write of %d bytes at %d: outside the partitions" % (len(data), at))


def last_flush(writes, end):
    while end and not writes[end - 1][2] & FLUSH:
        end -= 1
    return end


def check_cuts(medium, bases, writes, cuts, rng):
    """Power is lost after so many of the writes, at each cut; the cuts go upwards. Returns the most steps that
    were found done."""
    done, most = 0, 0
    for cut in cuts:
        safe = last_flush(writes, cut)
        medium.write(all_of(writes[done:safe]))
        done = safe
        left = medium.copy(medium.data + ".cut")
        left.write(some_of(rng, writes[safe:cut]))
        try:
            most = max(most, sum(check_data(left.data, left.acks, bases).values()))
        except Failure as e:
            raise Failure("power lost after write %d of %d, flush at %d: %s" % (
                cut, len(writes), safe, e)) from None
        os.unlink(left.data)
    return most
