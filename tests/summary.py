#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs tests and counts them: summary.py check|fuzz|test.

Each test gives one line "ok NAME" or "FAIL NAME" here and in build/results; the last line is
"N passed, N failed". What cannot be built is a failed test. The exit code is 0 if none failed."""
import os
import re
import shutil
import subprocess
import sys
import time

BUILD = os.environ.get("BUILD", "build")
JOBS = os.environ.get("JOBS", "2")
DONE = os.path.join(BUILD, "check", "done")
LOGS = os.path.join(BUILD, "results.d")
# What booted tests need; each is a test of its own.
BUILDS = (("hypervisor", "hv"), ("control-domain", "dom0"), ("test-guests", "guest-tests"),
          ("image", "iso"))
BOOT_LINE = re.compile(r"(PASS|FAIL|ERROR|SKIP)\s+(\S+?)(?::\s.*|\s\(\d+ s\))?$")


class Results:
    def __init__(self):
        self.passed = self.failed = 0
        os.makedirs(LOGS, exist_ok=True)
        self.file = open(os.path.join(BUILD, "results"), "w", encoding="utf-8")

    def add(self, name, good, quiet=False):
        line = ("ok " if good else "FAIL ") + name
        self.file.write(line + "\n")
        self.file.flush()
        if not quiet:
            print(line, flush=True)
        if good:
            self.passed += 1
        else:
            self.failed += 1


def clean_environment():
    """The environment without the outer make's own state."""
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}


def make(*args, log=None):
    """Runs make; with a log, nothing is shown. Returns success."""
    command = ["make", "--no-print-directory", *args]
    out = open(log, "wb") if log else None
    r = subprocess.run(command, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=out,
                       stderr=subprocess.STDOUT if log else None)
    if out:
        out.close()
    return r.returncode == 0


def show_end(path, lines=25):
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f.readlines()[-lines:]:
            print("        " + line.rstrip(), flush=True)


def items(results, kind):
    """The items of tests/check.mk: check or fuzz."""
    listing = subprocess.run(["make", "-s", "--no-print-directory", kind + "-list"],
                             env=clean_environment(), stdout=subprocess.PIPE)
    names = listing.stdout.decode().split()
    if listing.returncode or not names:
        results.add(kind, False)
        return
    shutil.rmtree(DONE, ignore_errors=True)
    make("-k", "-j" + JOBS, kind + "-items")
    for name in names:
        good = os.path.exists(os.path.join(DONE, name))
        results.add(name, good, quiet=good)  # make said so when it was done


def build(results):
    """Returns whether all that booted tests need is there."""
    good = True
    for name, target in BUILDS:
        log = os.path.join(LOGS, "build-" + target)
        built = make("-k", "-j" + JOBS, target, log=log)
        if not built:
            show_end(log)
        results.add("build/" + name, built)
        good = good and built
    return good


def booted(results, what, command):
    """A program that prints a line for each test; they are counted here once more."""
    p = subprocess.Popen([sys.executable, *command], env=clean_environment(),
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    seen = failed = 0
    for raw in p.stdout:
        line = raw.decode(errors="replace").rstrip()
        if re.fullmatch(r"\d+ passed, \d+ failed", line):
            continue
        print(line, flush=True)
        m = BOOT_LINE.match(line)
        if m and m.group(1) != "SKIP":
            seen += 1
            failed += m.group(1) != "PASS"
            results.add(what + "/" + m.group(2), m.group(1) == "PASS", quiet=True)
    if p.wait() and not failed or not seen:
        results.add(what, False)


def main():
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what not in ("check", "fuzz", "test"):
        sys.exit(__doc__)
    os.makedirs(BUILD, exist_ok=True)
    began = time.monotonic()
    results = Results()
    built = build(results) if what == "test" else True
    if what in ("check", "test"):
        items(results, "check")
    if what in ("fuzz", "test"):
        items(results, "fuzz")
    if what == "test":
        if built:
            booted(results, "bench", ["tests/bench/guard.py"])
            booted(results, "boot", ["tests/boot/run.py", "--jobs", JOBS])
        else:
            results.add("bench and boot (not built)", False)
    print("%.0f s" % (time.monotonic() - began))
    print("%d passed, %d failed" % (results.passed, results.failed), flush=True)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
