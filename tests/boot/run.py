#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boots the images of cases.py in QEMU and judges their serial logs.

run.py [--list] [--jobs N] [--only-guest NAMES] [--without NAMES]
[CASE...]: a line for each test, totals at the end.
A CASE is a name or the beginning of one. Images and logs stay in build/tests/boot/."""
import argparse
import concurrent.futures
import os
import re
import shutil
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
from bochs import Bochs  # noqa: E402
from machine import BUILD, OVMF, ROOT, Failure, Machine, pack, repack, run  # noqa: E402

IDLE_LINE = "no guest is left: switching the machine off"
STAMP = r"^(?:\[ *[\d.]+\] ?)?"
VERDICT = re.compile(STAMP + r"([\w.-]+)\| (PASS|SKIP|FAIL|ERROR)\b ?(.*)$", re.M)
# Never right in any boot unless a case says so: the hypervisor's or the control domain's own end.
DISASTERS = [STAMP + r"(?i:panic|fatal|assert)", STAMP + r".*(?i:hypervisor fault|backtrace:)",
             STAMP + r".*(?i:control domain (?:crashed|died))"]
print_lock = threading.Lock()


class Totals:
    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []

    def add(self, name, verdict, why="", seconds=None):
        with print_lock:
            {"PASS": self.passed, "SKIP": self.skipped}.get(verdict, self.failed).append(name)
            took = "" if seconds is None else " (%.0f s)" % seconds
            print("%-5s %s%s%s" % (verdict, name, ": " + why if why else "", took), flush=True)


def write_guests(case, folder):
    """Fills the folder with what the image carries; file order is start order."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for guest in case.guests:
        for name, source in guest.files.items():
            target = os.path.join(folder, name)
            if callable(source):
                with open(target, "wb") as f:
                    f.write(source())
            elif not os.path.exists(target):
                if source.endswith(".elf"):
                    run(["objcopy", "--strip-debug", source, target])
                else:
                    shutil.copy(os.path.join(ROOT, source), target)
        with open(os.path.join(folder, guest.name + ".cfg"), "w", encoding="latin-1") as f:
            f.write(guest.config())


def judge_guests(case, text, totals):
    """One verdict for each tiny guest."""
    seen = {}
    for name, verdict, why in VERDICT.findall(text):
        seen.setdefault(name, []).append((verdict, why))
    for guest in case.guests:
        if not guest.verdict:
            continue
        label = "%s/%s" % (case.name, guest.name)
        got = seen.get(guest.name, [])
        if len(got) != 1:
            totals.add(label, "FAIL", "%d verdict lines" % len(got))
        else:
            totals.add(label, got[0][0], got[0][1])


def judge_log(case, text):
    for pattern in case.must:
        if not re.search(pattern, text, re.M):
            raise Failure("the log lacks %r" % pattern)
    at = 0
    for pattern in case.in_order:
        m = re.compile(pattern, re.M).search(text, at)
        if not m:
            raise Failure("the log lacks %r (in that order)" % pattern)
        at = m.end()
    for pattern in case.must_not + ([] if case.disaster else DISASTERS):
        m = re.search(pattern, text, re.M)
        if m:
            raise Failure("the log has %r" % m.group(0)[:120])


class Reset(Failure):
    """The emulator ended, and nobody had switched the machine off."""


def run_case(case, totals, again=False):
    """QEMU 7.2's TCG itself resets a machine of several CPUs now and then: FXRSTOR or XRSTOR on one
    CPU can undo a change of CPU 0's flags (cpu_clear_ignne, without a lock). Such a case has one
    more try, and says so; a second reset is a failure."""
    folder = os.path.join(BUILD, case.name)
    iso, log = folder + ".iso", folder + ".log"
    machine, text = None, ""
    began = time.monotonic()
    try:
        write_guests(case, folder)
        pack(folder, iso, case.opts)
        if case.repack:
            repack(iso, case.repack)
        if case.prepare:
            case.prepare()
        began = time.monotonic()
        if case.bed == "amd":
            extra = case.qemu + (("-bios", OVMF) if case.uefi else ())
            machine = Machine(iso, log, case.cpus, case.memory, case.cpu, extra, case.threads)
        else:
            machine = Bochs(iso, log, case.cpus, case.memory, case.cpu, case.qemu,
                            OVMF if case.uefi else None, case.ips)
        if case.script:
            case.script(machine)
        if case.ends:
            machine.wait_end(max(1, case.timeout - (time.monotonic() - began)))
        elif case.stop_at:
            machine.position = 0
            machine.expect(case.stop_at, case.timeout)
            time.sleep(0.5)
        text = machine.text()
        if case.ends and machine.drains and not case.script and IDLE_LINE not in text:
            raise Reset("the machine ended without saying why: a reset?")
        judge_log(case, text)
        if case.after:
            case.after()
        totals.add(case.name, "PASS", "", time.monotonic() - began)
    except Reset as e:
        if case.bed == "amd" and case.cpus > 1 and not again:
            print("again %s: %s" % (case.name, e), flush=True)
            return run_case(case, totals, True)
        totals.add(case.name, "FAIL", str(e), time.monotonic() - began)
    except Failure as e:
        text = machine.text() if machine else ""
        totals.add(case.name, "FAIL", str(e), time.monotonic() - began)
    except Exception:  # a fault of the harness must not end the run
        totals.add(case.name, "ERROR", traceback.format_exc())
    finally:
        if machine:
            machine.stop()
    judge_guests(case, text, totals)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--only-guest", help="tiny cases: start these only (comma-separated)")
    ap.add_argument("--without", default="", help="tiny cases: all but these")
    ap.add_argument("cases", nargs="*")
    args = ap.parse_args()
    chosen = cases.all_cases(args.only_guest.split(",") if args.only_guest else None,
                             args.without.split(","))
    if args.cases:
        chosen = [c for c in chosen if any(c.name.startswith(n) for n in args.cases)]
    if args.list:
        for c in chosen:
            print("%-28s %d guests, %d CPUs, %d MiB" % (c.name, len(c.guests), c.cpus, c.memory))
        return 0
    os.makedirs(BUILD, exist_ok=True)
    totals = Totals()
    if not args.cases:
        for name, why in cases.LEFT_OUT.items():
            totals.add("intel-" + name, "SKIP", why)
    with concurrent.futures.ThreadPoolExecutor(max(1, min(2, args.jobs))) as pool:
        list(pool.map(lambda c: run_case(c, totals), chosen))
    if totals.skipped:
        print("%d skipped" % len(totals.skipped))
    if totals.failed:
        print("failed: " + " ".join(totals.failed))
    print("%d passed, %d failed" % (len(totals.passed), len(totals.failed)))
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
