#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The comparer of guard.py on tables of its own: it must fail where a row is worse."""
import os
import unittest

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
        for what in (tables.CREATE_TIME, tables.RETURN_TIME, tables.EXITS):
            self.assertIsNotNone(guard.figure(rows[what][0]), what)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    unittest.main()
