#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Keeps the table: measures what is quick to measure and compares it with tests/bench/results.md, row
by row: guard.py [--qemu]. A row that is 5 % worse fails until `make bench` has stored the new figures,
which belong to the same change. A line for each row, totals at the end."""
import concurrent.futures
import os
import re
import sys

import disk
import exits
import tables
from measure import BEDS, BUILD, Failure, measure_create, measure_operations

WORSE = 0.05  # of what is stored
# How many requests share a notification depends on the machine's load, and the instructions with it.
WORSE_DISK = 0.15
SLACK = 5     # instructions or ns


def stored(text):
    """{what: cells behind it} of all tables."""
    rows = {}
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) > 1 and not set(cells[0]) <= {"-"}:
            rows[cells[0]] = cells[1:]
    return rows


def figure(cell):
    """The number in a cell, or None."""
    return float(cell.replace(",", "")) if re.fullmatch(r"[\d,]+(\.\d+)?", cell) else None


def compare(kept, now, slack=SLACK, worse=WORSE):
    """Figures of one row, stored and measured, in the same order: (all is well, what to say)."""
    if len(kept) < len(now) or None in kept or None in now:
        return False, "not measured or not in results.md: make bench"
    said = ["%g -> %g" % (k, n) for k, n in zip(kept, now) if n > k + max(worse * k, slack)]
    if said:
        return False, "worse than stored: " + ", ".join(said)
    better = any(n < k - max(worse * k, slack) for k, n in zip(kept, now))
    return True, "better than stored: make bench" if better else ""


def judge(rows, measured):
    """measured: (name, row's title, figures, slack, and what is worse if it is not WORSE). Gives (name, all
    is well, what to say)."""
    for name, what, now, *tolerance in measured:
        kept = [figure(c) for c in rows.get(what, [])[:len(now)]]
        yield (name, *compare(kept, now, *tolerance))


def jobs(beds):
    yield from ((bed, lambda b=bed, m=model: measure_operations(b, m)) for bed, model in beds)
    yield "create", lambda: measure_create("qemu", None)
    yield "exits", exits.count
    yield "disk", disk.count


def measure(beds, workers):
    """{job: result}; what could not be measured is an exception."""
    def attempt(job):
        try:
            return job[0], job[1]()
        except Failure as e:
            return job[0], e
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return dict(pool.map(attempt, jobs(beds)))


def figures(found, beds):
    for name, what, *_ in tables.OPERATIONS + tables.FURTHER:
        yield name, what, [found[bed].get(name) for bed, _ in beds], SLACK
    returned, ran = found["create"]
    yield "create_returned", tables.RETURN_TIME, [returned], 0.002
    yield "create_to_userspace", tables.CREATE_TIME, [ran], 0.002
    yield "boot_exits", tables.EXITS, [sum(found["exits"][0].values())], SLACK
    for name, what, now in disk.guarded(found["disk"]):
        yield name, what, now, disk.SLACK, WORSE_DISK


def main():
    beds = BEDS[:1] if "--qemu" in sys.argv[1:] else BEDS
    os.makedirs(BUILD, exist_ok=True)
    found = measure(beds, max(1, min(2, int(os.environ.get("JOBS", "1")))))
    lines = [(job, False, str(e)) for job, e in found.items() if isinstance(e, Failure)]
    if not lines:
        with open(tables.RESULTS, encoding="utf-8") as f:
            lines = list(judge(stored(f.read()), figures(found, beds)))
        lines += disk.musts(found["disk"])
    for name, good, why in lines:
        print("%-5s %s%s" % ("PASS" if good else "FAIL", name, why and ": " + why))
    failed = sum(not good for _, good, _ in lines)
    print("%d passed, %d failed" % (len(lines) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
