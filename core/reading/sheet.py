"""The process that decodes an Excel file: `python sheet.py FILE` prints the number of the first row, then each row of the
first sheet as a JSON list of texts.

It is a process of its own, and limited, because the decoder is: a workbook of one kilobyte with a cell in the last row and
the last column makes it ask for half a terabyte and abort, which would take the workbench with it. Exit 1: it could not be
decoded. Started by its path, so it imports nothing of ours.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import date, datetime, time
from typing import Any, Final, cast

MEMORY: Final = 4 << 30  # bytes of address space; a million rows take half of one
SECONDS: Final = 300  # of processor time


def cell(value: Any) -> str:
    """What stands in a cell, as text."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, (datetime, date, time)) else str(value)


def main(path: str) -> int:
    """Print the sheet."""
    import python_calamine  # pyright: ignore[reportMissingImports]  # optional

    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    calamine = cast("Any", python_calamine)
    try:
        sheet = calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        rows: list[list[Any]] = sheet.to_python(skip_empty_area=True)
    except (calamine.CalamineError, ValueError, IndexError, OSError, MemoryError):
        return 1
    print((sheet.start or (0, 0))[0] + 1)
    for row in rows:
        print(json.dumps([cell(value) for value in row]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
