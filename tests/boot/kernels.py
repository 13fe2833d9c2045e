# SPDX-License-Identifier: BSD-2-Clause
"""Kernel images made for the tests: bzImages in each compression, and spoilt ones."""
import gzip
import lzma
import shutil
import struct
import subprocess
import zlib

from guests import elf_path

COMPRESSIONS = ("gzip", "xz", "lz4", "zstd")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def hello():
    """The smoke test's ELF without debug information."""
    path = elf_path("hello") + ".stripped"
    subprocess.run(["objcopy", "--strip-debug", elf_path("hello"), path], check=True)
    return read(path)


def tool(args, data):
    if not shutil.which(args[0]):
        raise RuntimeError("the program %s is missing" % args[0])
    return subprocess.run(args, input=data, stdout=subprocess.PIPE, check=True).stdout


def pack(kind, data):
    """As the kernel's build does: all but gzip end with the unpacked size."""
    size = struct.pack("<I", len(data))
    if kind == "gzip":
        return gzip.compress(data, 6)
    if kind == "xz":
        filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
        return lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32, None, filters) + size
    if kind == "lz4":
        return tool(["lz4", "-l", "-9", "-c", "-q"], data) + size
    return tool(["zstd", "-q", "-12", "-c"], data) + size


def bzimage(payload, version=0x20F, length=None):
    """A boot header in five sectors, then the payload."""
    head = bytearray(2560)
    head[0x1F1] = 4
    head[0x1FE:0x200] = b"\x55\xAA"
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, version)
    struct.pack_into("<II", head, 0x248, 0, len(payload) if length is None else length)
    return bytes(head) + payload


def good(kind):
    return bzimage(pack(kind, hello()))


def truncated(kind):
    """The file ends early."""
    return good(kind)[:-300]


def short(kind):
    """The header is consistent, the payload stops half way."""
    p = pack(kind, hello())
    p = p[:len(p) // 2]
    return bzimage(p if kind == "gzip" else p + struct.pack("<I", len(hello())))


def corrupt(kind):
    """Bytes in the middle are others."""
    p = bytearray(pack(kind, hello()))
    for i in range(len(p) // 2, len(p) // 2 + 64):
        p[i] ^= 0x5A
    return bzimage(bytes(p))


def elf(change):
    """The ELF with change(bytearray, list of program-header offsets) applied."""
    data = bytearray(hello())
    start, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    change(data, [start + i * size for i in range(count)])
    return bytes(data)


def put(data, offset, fmt, value):
    struct.pack_into(fmt, data, offset, value)


# The first program header is the PT_LOAD, the second the PT_NOTE (tests/guest/lib/guest.ld).
BAD_ELF = {
    "no_note": lambda: elf(lambda d, ph: put(d, ph[1], "<I", 0)),
    "beyond_file": lambda: elf(lambda d, ph: put(d, ph[0] + 32, "<Q", 1 << 24)),
    "offset_wild": lambda: elf(lambda d, ph: put(d, ph[0] + 8, "<Q", 1 << 63)),
    "outside_memory": lambda: elf(lambda d, ph: put(d, ph[0] + 40, "<Q", 1 << 30)),
    "address_wild": lambda: elf(lambda d, ph: put(d, ph[0] + 24, "<Q", (1 << 64) - 4096)),
    "size_wild": lambda: elf(lambda d, ph: put(d, ph[0] + 40, "<Q", (1 << 64) - 1)),
    "file_over_memory": lambda: elf(lambda d, ph: put(d, ph[0] + 40, "<Q", 16)),
    "overlap": lambda: elf(lambda d, ph: d.__setitem__(slice(ph[1], ph[1] + 56),
                                                       d[ph[0]:ph[0] + 56])),
    "headers_wild": lambda: elf(lambda d, ph: put(d, 32, "<Q", (1 << 64) - 64)),
    "many_headers": lambda: elf(lambda d, ph: put(d, 56, "<H", 0xFFFF)),
    "header_size": lambda: elf(lambda d, ph: put(d, 54, "<H", 1)),
    "wrong_machine": lambda: elf(lambda d, ph: put(d, 18, "<H", 183)),
    "note_wild": lambda: elf(lambda d, ph: put(d, ph[1] + 8, "<Q", 1 << 40)),
    "only_header": lambda: hello()[:64],
    "half_header": lambda: hello()[:33],
    "empty": lambda: b"",
    "text": lambda: b"this is no kernel\n" * 100,
    "zeros": lambda: bytes(4096),
    "old_protocol": lambda: bzimage(pack("gzip", hello()), version=0x207),
    "payload_wild": lambda: bzimage(pack("gzip", hello()), length=0xFFFFFFFF),
    "payload_none": lambda: bzimage(b"", length=0),
    "unknown_packing": lambda: bzimage(b"BZh9" + bytes(1000)),
    "size_lies": lambda: bzimage(pack("xz", hello())[:-4] + b"\xFF\xFF\xFF\xFF"),
    "no_elf_inside": lambda: bzimage(pack("gzip", b"text" * 1000)),
    "bomb": lambda: bzimage(pack("gzip", bytes(64 << 20))),
    "checksum": lambda: bzimage(pack("gzip", hello())[:-8] +
                                struct.pack("<II", zlib.crc32(b"x"), len(hello()))),
}
