#!/usr/bin/env python3
"""Packs a program as the artefact of the functions: a zip with one executable `bootstrap`.

Usage: pack.py PROGRAM ZIP. Invariant: the same program makes the same zip, byte for byte.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

LONG_AGO = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    program, archive = map(Path, sys.argv[1:])
    entry = zipfile.ZipInfo("bootstrap", LONG_AGO)
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as whole:
        whole.writestr(entry, program.read_bytes())


if __name__ == "__main__":
    main()
