#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark: measures and writes tests/bench/results.md, which guard.py compares with."""
import os
import sys

import disk
from measure import BEDS, BUILD, measure_operations
from tables import RESULTS, operations_table, system_table


def main():
    found = {bed: measure_operations(bed, model) for bed, model in BEDS}
    table, failed = operations_table(found)
    out = ["# What Plinth costs", "",
           "Made by `make bench` with one CPU, where a tick is an instruction, guest and hypervisor",
           "together: QEMU's TCG under `-icount shift=0,sleep=off` (AMD-V without NRIP save) and Bochs with",
           "`sync=none` (AMD-V with NRIP save: its model `ryzen`; VT-x: `corei7_haswell_4770`). Medians of",
           "51, net of an empty operation. Must, aim and kept are about QEMU; there Xen and KVM were",
           "measured too (KVM: about 21,800 exits of a Debian boot). `make test` compares with this table.",
           "", *table]

    system, missed = system_table()
    failed += missed
    disks, missed = disk.table()
    failed += missed
    text = "\n".join(out + system + disks) + "\n"
    print(text)
    with open(RESULTS, "w", encoding="utf-8") as f:
        f.write(text)
    print("%d figures not kept" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    os.makedirs(BUILD, exist_ok=True)
    sys.exit(main())
