#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Counts lines of C and assembly without blanks and comments:
lines.py [--limit N] [--but FOLDER] FOLDER..."""
import argparse
import os
import re
import sys

# A comment, or a string that may look like one.
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_lines(text):
    text = TOKEN.sub(lambda m: "\n" * m.group(0).count("\n") if m.group(0)[0] == "/" else "s", text)
    return sum(1 for line in text.splitlines() if line.strip())


def folder_lines(folder, but=None):
    total = files = 0
    for path, below, names in os.walk(folder):
        below[:] = [x for x in below if os.path.join(path, x) != but]
        for name in names:
            if name.endswith((".c", ".h", ".S")):
                with open(os.path.join(path, name), encoding="utf-8") as f:
                    total += code_lines(f.read())
                files += 1
    return total, files


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--limit", type=int)
    ap.add_argument("--but", help="a folder inside one of them that does not count")
    ap.add_argument("folders", nargs="+")
    args = ap.parse_args()
    total = 0
    for folder in args.folders:
        lines, files = folder_lines(folder, args.but)
        print("%-18s %6d lines in %3d files" % (folder, lines, files))
        total += lines
    print("%-18s %6d" % ("all", total))
    if args.limit is not None and total > args.limit:
        print("over the limit of %d" % args.limit)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
