"""Prints one entry of a PTX file: from its .visible line to the closing brace. Usage: cut_entry.py FILE ENTRY"""

import sys

inside = found = False
for line in open(sys.argv[1], encoding="utf-8"):
    inside |= line.startswith(f".visible .entry {sys.argv[2]}(")
    found |= inside
    if inside:
        print(line, end="")
        inside = not line.startswith("}")
sys.exit(0 if found else f"no entry {sys.argv[2]}")
