# SPDX-License-Identifier: BSD-2-Clause
"""One emulated machine: packs its image, runs QEMU, reads and writes the serial console."""
import os
import re
import shutil
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "tests", "boot")
QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
OVMF = "/usr/share/ovmf/OVMF.fd"
# One tick of the TSC is one instruction and one nanosecond.
ICOUNT = ("-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01T00:00:00,clock=vm")
PROMPT = re.compile(rb"plinth> ")
make_lock = threading.Lock()


class Failure(Exception):
    """A test did not see what it must see."""


def run(args, **kw):
    r = subprocess.run(args, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    if r.returncode:
        raise Failure("%s: %s" % (" ".join(args), r.stdout.decode("latin-1")[-600:]))
    return r.stdout.decode("latin-1")


def pack(guests, iso, opts):
    """An image with the guests of a folder, as a user would make it."""
    with make_lock:
        run(["make", "-s", "iso", "GUESTS=" + guests, "ISO=" + iso, "CONTROL_OPTS=" + opts])


def repack(iso, change):
    """Unpacks an image, lets change(folder) spoil it, packs it again."""
    folder = iso + ".tree"
    shutil.rmtree(folder, ignore_errors=True)
    run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/", folder])
    run(["chmod", "-R", "u+w", folder])
    change(folder)
    run(["grub-mkrescue", "-o", iso, folder])
    shutil.rmtree(folder)


class Machine:
    """A running QEMU. The whole serial output is in .text() and in a log file."""

    drains = True  # what was sent before the end is seen

    def __init__(self, iso, log, cpus=1, memory=1024, cpu="EPYC,+svm,+npt", extra=(),
                 threads=""):
        args = [QEMU, "-machine", "q35", "-accel", "tcg" + (threads and ",thread=" + threads),
                "-cpu", cpu + ",check=off", "-m", "%dM" % memory, "-smp", str(cpus), "-nodefaults", "-display", "none", "-serial", "stdio",
                "-monitor", "none", "-no-reboot", "-boot", "d", "-cdrom", iso, *extra]
        self.complaints = open(log + ".qemu", "w+b")
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.complaints)
        self._begin(log)

    def _begin(self, log):
        self.buffer = bytearray()
        self.changed = threading.Condition()
        self.position = 0  # expect() goes on from here
        self.log = open(log, "wb")
        self.ended = False
        self.marks = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _receive(self):
        return os.read(self.process.stdout.fileno(), 65536)

    def _read(self):
        while True:
            data = self._receive()
            with self.changed:
                self.ended = not data
                self.buffer += data
                self.changed.notify_all()
            if not data:
                return
            self.log.write(data)
            self.log.flush()

    def text(self):
        with self.changed:
            return bytes(self.buffer).decode("latin-1").replace("\r", "")

    def send(self, text):
        self.process.stdin.write(text.encode("latin-1"))
        self.process.stdin.flush()

    def expect(self, pattern, timeout):
        """Waits for pattern behind what was matched before; returns the match."""
        rx = pattern if hasattr(pattern, "search") else re.compile(pattern.encode("latin-1"), re.M)
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                m = rx.search(self.buffer, self.position)
                if m:
                    self.position = m.end()
                    return m
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    why = "the machine ended" if self.ended else "nothing after %d s" % timeout
                    raise Failure("waiting for %r: %s" % (rx.pattern.decode("latin-1"), why))
                self.changed.wait(left)

    def command(self, line, timeout=30):
        """Types a command at the prompt and returns what came out until it was done. A second,
        unknown command marks the end: log lines may show the prompt again at any time."""
        self.marks += 1
        mark = "mark%d" % self.marks
        start = self.position
        self.send(line + "\r" + mark + "\r")
        end = self.expect(mark + ": no such command[^\n]*\n", timeout).start()
        with self.changed:
            out = bytes(self.buffer[start:end]).decode("latin-1")
        out = re.sub("\033\\[K", "", out).replace("\r", "\n")
        return "\n".join(x for x in out.split("\n") if not x.startswith("plinth> "))

    def wait_end(self, timeout):
        """Waits for the emulator to exit by itself."""
        try:
            self.process.wait(timeout)
            self.reader.join(5)
        except subprocess.TimeoutExpired:
            raise Failure("the machine did not power off within %d s" % timeout) from None
        if self.process.returncode:
            self.complaints.seek(0)
            raise Failure("the emulator ended with code %d: %s" % (
                self.process.returncode, self.complaints.read()[-300:].decode("latin-1").strip()))

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
        self.log.close()
        self.complaints.close()
