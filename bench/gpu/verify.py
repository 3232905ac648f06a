#!/usr/bin/env python3
"""Holds the files of the bundle against MANIFEST.json, and says what the bundle is."""

import hashlib
import json
import sys

import environment


def main():
    path = environment.ROOT / "MANIFEST.json"
    if not path.exists():
        sys.exit(f"verify: {path.name} is missing: expected it beside run.sh")
    manifest = json.loads(path.read_text())
    wrong = []
    for name, expected in manifest["files"].items():
        file = environment.ROOT / name
        got = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "no such file"
        if got != expected:
            wrong.append(f"{name}: expected {expected}, got {got}")
    print(f"tk {manifest['tk']}, commit {manifest['commit']}, made {manifest['date']}")
    for line in wrong:
        print(line)
    print(f"{len(manifest['files'])} files, {len(wrong)} of them wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
