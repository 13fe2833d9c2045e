# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's monitor, in its form for programs (QEMU's documentation, "QEMU Machine Protocol Specification")."""
import json
import os
import socket
import tempfile

from machine import Failure


def socket_path(name):
    """Short, as names of such sockets must be."""
    return os.path.join(tempfile.gettempdir(), "plinth-%d-%s" % (os.getpid(), name))


def qmp_words(name):
    return "-qmp", "unix:%s,server=on,wait=off" % socket_path(name)


class Qmp:
    """The monitor of the machine that was started with qmp_words(name)."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(socket_path(name))
        self.file = self.socket.makefile("rwb")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure("QEMU: %s: %s" % (command, answer["error"]["desc"]))

    def event(self, name):
        """Waits for an event that comes after the last answer."""
        while True:
            answer = json.loads(self.file.readline())
            if answer.get("event") == name:
                return answer["data"]
