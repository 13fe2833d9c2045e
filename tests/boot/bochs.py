#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bochs as a machine: VT-x by its Intel models. bochs.py ISO [MODEL [CPUS [MEMORY]]] boots an image
with the console on the terminal."""
import os
import re
import socket
import subprocess
import sys
import termios
import threading
import time
import tty

from machine import Failure, Machine

BOCHS = os.environ.get("BOCHS", "bochs")
TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bochsrc.in")
SHARE = "/usr/share"
BIOS = SHARE + "/bochs/BIOS-bochs-latest"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bochs(Machine):
    """A running Bochs. Its serial port is a TCP connection, its own log lies beside ours."""

    drains = False  # its own log says how it ended

    def __init__(self, iso, log, cpus=1, memory=512, cpu="corei7_haswell_4770", extra=(),
                 rom=None, ips=200000000):
        port = free_port()
        with open(TEMPLATE, encoding="utf-8") as f:
            text = f.read()
        self.own_log = log + ".bochs"
        for key, value in {"CPU": cpu, "CPUS": cpus, "MEMORY": memory, "ISO": iso, "PORT": port,
                           "LOG": self.own_log, "SHARE": SHARE, "ROM": rom or BIOS,
                           "IPS": ips}.items():
            text = text.replace("@%s@" % key, str(value))
        with open(log + ".bochsrc", "w", encoding="utf-8") as f:
            f.write(text + "".join(x + "\n" for x in extra))
        with open(log + ".debugger", "w", encoding="utf-8") as f:
            f.write("c\n")  # Debian's build stops at its debugger's prompt
        # One that was killed leaves its disks locked.
        for path in re.findall(r'path[=:]"?([^",]+)', "\n".join(extra)):
            if os.path.exists(path + ".lock"):
                os.unlink(path + ".lock")
        self.complaints = open(log + ".bochs.out", "w+b")
        self.process = subprocess.Popen(
            [BOCHS, "-q", "-f", log + ".bochsrc", "-rc", log + ".debugger"],
            stdin=subprocess.DEVNULL, stdout=self.complaints, stderr=subprocess.STDOUT)
        try:
            self.socket = self._connect(port)
        except Failure:
            self.process.kill()
            raise
        self._begin(log)

    def _connect(self, port):
        """Bochs waits for whoever shall hold the other end of the serial line."""
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", port))
            except OSError:
                time.sleep(0.1)
        raise Failure("Bochs does not start: see " + self.own_log)

    def _receive(self):
        try:
            return self.socket.recv(65536)
        except OSError:
            return b""

    def send(self, text):
        """The emulated FIFO holds 16 bytes and knows no flow control."""
        data = text.encode("latin-1")
        for i in range(0, len(data), 8):
            self.socket.sendall(data[i:i + 8])
            time.sleep(0.02)

    def wait_end(self, timeout):
        """Bochs ends with code 1 whatever happens; its log knows why."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure("the machine did not power off within %d s" % timeout) from None
        self.reader.join(5)
        with open(self.own_log, encoding="latin-1") as f:
            own = f.read()
        if not re.search("shutdown requested|soft power off", own):
            panics = re.findall(r"^.*>>PANIC<<.*$", own, re.M)
            raise Failure("Bochs ended: " + (panics[-1] if panics else "see " + self.own_log))

    def stop(self):
        super().stop()
        self.socket.close()


def forward(m):
    """What is typed, to the guest; Ctrl-A x ends the machine, as in QEMU."""
    escaped = False
    while True:
        key = os.read(sys.stdin.fileno(), 1).decode("latin-1")
        if not key or (escaped and key == "x"):
            m.process.kill()
            return
        escaped = key == "\x01" and not escaped
        if not escaped:
            m.send(key)


def main():
    iso, cpu, cpus, memory = (sys.argv[1:] + ["corei7_haswell_4770", "1", "512"][len(sys.argv) - 2:])
    m = Bochs(iso, os.environ.get("BOCHS_LOG", iso + ".log"), int(cpus), int(memory), cpu)
    shown, terminal = 0, sys.stdin.isatty() and termios.tcgetattr(sys.stdin)
    if terminal:
        tty.setraw(sys.stdin)
        threading.Thread(target=forward, args=(m,), daemon=True).start()
    try:
        while m.process.poll() is None:
            with m.changed:
                m.changed.wait(0.2)
                new, shown = bytes(m.buffer[shown:]), len(m.buffer)
            sys.stdout.write(new.decode("latin-1"))
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    finally:
        m.stop()
        if terminal:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, terminal)


if __name__ == "__main__":
    main()
