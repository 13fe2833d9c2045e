#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The comparer of guard.py on tables of its own: it must fail where a row is worse."""
import os
import unittest

import disk
import guard
import tables

TEXT = """# Costs
| operation | QEMU | ryzen | haswell | VT-x against AMD-V | must |
|---|---|---|---|---|---|
| port read | 1,000 | 400 | 450 | +12 %, see below | 1,100 |
| cheap | 1 | 1 | 3 | +200 % | - |
| lateness, ns | 2,000 | 1,500 | 1,600 | +7 % | - |

| whole system (QEMU) | Plinth | must | kept |
|---|---|---|---|
| seconds | 0.500 | 1.45 | yes |
"""


def verdict(what, now, slack=guard.SLACK):
    (_, good, why), = guard.judge(guard.stored(TEXT), [("name", what, now, slack)])
    return good, why


class Guard(unittest.TestCase):
    def test_same(self):
        self.assertEqual(verdict("port read", [1000, 400, 450]), (True, ""))

    def test_within_5_percent(self):
        self.assertTrue(verdict("port read", [1050, 420, 472])[0])

    def test_worse_on_each_bed(self):
        for now in ([1051, 400, 450], [1000, 421, 450], [1000, 400, 473]):
            good, why = verdict("port read", now)
            self.assertFalse(good)
            self.assertIn("worse", why)

    def test_worse_on_one_better_on_others(self):
        self.assertFalse(verdict("port read", [1100, 200, 200])[0])

    def test_a_few_instructions(self):
        self.assertTrue(verdict("cheap", [6, 1, 3])[0])
        self.assertFalse(verdict("cheap", [7, 1, 3])[0])

    def test_lateness(self):
        self.assertTrue(verdict("lateness, ns", [2100, 1500, 1600])[0])
        self.assertFalse(verdict("lateness, ns", [2101, 1500, 1600])[0])

    def test_seconds(self):
        self.assertTrue(verdict("seconds", [0.525], 0.002)[0])
        self.assertFalse(verdict("seconds", [0.526], 0.002)[0])

    def test_wider_tolerance(self):
        rows = guard.stored(TEXT)
        for now, good in (1150, True), (1151, False):
            (_, got, _), = guard.judge(rows, [("name", "port read", [now], 0.05, guard.WORSE_DISK)])
            self.assertEqual(got, good)

    def test_musts_of_disks(self):
        """At 32 requests at a time, by the instructions of both and by the exits."""
        def record(hypervisor, control, to_guest):
            r = disk.Record("record 0 %d 0" % to_guest)
            r.hypervisor, r.control = hypervisor, control
            return r
        for r, good in ((record(3000, 2999, 0), True), (record(3000, 3000, 0), False),
                        (record(10, 10, 1), False)):
            verdicts = list(disk.musts({w[0]: (1, r) for w in disk.WORKLOADS}))
            self.assertEqual([v[0] for v in verdicts], ["disk_must_rand_read_32", "disk_must_rand_write_32"])
            self.assertEqual([v[1] for v in verdicts], [good, good])

    def test_places_of_records(self):
        r = disk.Record("record 5 6 7")
        for line in ("ffffffff80200000 3", "ffffffff801ffffe 4", "ffffffff80210000 2"):
            r.add(line)
        self.assertEqual((r.guest, r.to_guest, r.to_control, r.hypervisor, r.control), (5, 6, 7, 5, 4))

    def test_better_is_said(self):
        good, why = verdict("port read", [900, 400, 450])
        self.assertTrue(good)
        self.assertIn("make bench", why)

    def test_missing(self):
        self.assertFalse(verdict("unknown", [1, 1, 1])[0])
        self.assertFalse(verdict("port read", [1000, None, 450])[0])
        self.assertFalse(verdict("seconds", [0.5, 0.5, 0.5])[0])

    def test_what_is_stored_has_all_rows(self):
        """Each row of the real table is worse than itself if one bed is."""
        with open(tables.RESULTS, encoding="utf-8") as f:
            rows = guard.stored(f.read())
        for name, what, *_ in tables.OPERATIONS + tables.FURTHER:
            kept = [guard.figure(c) for c in rows[what][:3]]
            self.assertTrue(guard.compare(kept, kept)[0], name)
            for bed in range(3):
                now = [k * 1.06 + 6 if i == bed else k for i, k in enumerate(kept)]
                self.assertFalse(guard.compare(kept, now)[0], name)
        for name, order, op, depth in disk.WORKLOADS:
            kept = [guard.figure(c) for c in rows[disk.cost_title(order, op, depth)][:4]]
            self.assertNotIn(None, kept, name)
            self.assertFalse(guard.compare(kept, [k * 1.16 + 0.06 for k in kept], disk.SLACK,
                                           guard.WORSE_DISK)[0], name)
        for what in (tables.CREATE_TIME, tables.RETURN_TIME, tables.EXITS):
            self.assertIsNotNone(guard.figure(rows[what][0]), what)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    unittest.main()
