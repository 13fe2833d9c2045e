# SPDX-License-Identifier: BSD-2-Clause
"""Guests of the booted tests: the tiny ones of tests/guest, and Debian's."""
import glob
import os
import re

from machine import ROOT

DEBIAN = "build/demo"
QUIET = "console=hvc0 quiet cryptomgr.notests "


class Guest:
    """keys: what stands in the .cfg. files: name in the image -> path, or function giving bytes."""

    def __init__(self, name, files, verdict=False, **keys):
        self.name, self.files, self.verdict = name, files, verdict
        self.keys = {"name": name, "type": "pvh", **keys}
        self.raw = None  # the whole text of the .cfg, if given
        self.more = ""   # lines added to it

    def config(self):
        if self.raw is not None:
            return self.raw
        return "".join('%s = %s\n' % (k, v if isinstance(v, int) else '"%s"' % v)
                       for k, v in self.keys.items()) + self.more


def raw(name, text, files=None):
    """A guest whose .cfg is this text."""
    g = Guest(name, files or {})
    g.raw = text
    return g


def debian(name, mode="work", memory=128, vcpus=1, extra="", **keys):
    files = {"vmlinuz": DEBIAN + "/vmlinuz", "initrd": DEBIAN + "/initrd"}
    return Guest(name, files, kernel="vmlinuz", ramdisk="initrd", memory=memory, vcpus=vcpus,
                 cmdline=QUIET + "mode=" + mode + extra, **{"plinth_console": "log", **keys})


def elf_path(name):
    return os.path.join(ROOT, "build/tests/guest/%s.elf" % name)


def tiny(name, verdict=True, elf=None, **keys):
    elf = elf or name
    return Guest(name, {elf + ".elf": elf_path(elf)}, verdict, kernel=elf + ".elf",
                 **{"memory": 32, "vcpus": 1, **keys})


def tiny_settings(path):
    """The line '// guest: key=value ...' of a test's source."""
    keys = {}
    with open(path) as f:
        for word in re.findall(r"\S+", " ".join(re.findall(r"^// guest: (.*)$", f.read(), re.M))):
            k, v = word.split("=", 1)
            keys[k] = int(v) if v.isdigit() else v
    return keys


def all_tiny(only=None, without=()):
    """Every test of tests/guest, but those with 'boot=own': a case of their own starts these."""
    guests = []
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/guest/*/*.c"))):
        name = os.path.splitext(os.path.basename(path))[0]
        keys = tiny_settings(path)
        own = keys.pop("boot", "") == "own"
        if os.path.basename(os.path.dirname(path)) == "lib" or \
                (only and name not in only) or name in without:
            continue
        if not own:
            guests.append(tiny(name, **keys))
    return guests
