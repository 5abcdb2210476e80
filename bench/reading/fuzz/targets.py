"""One execution of a reader on bytes in memory: no file, no start of anything, so that thousands fit into a second.

Out: `target(kind)`, a function of bytes that returns when a reader did what it may do: give messages and a report, or
raise a Problem. Anything else is a finding. Buffers are a few bytes long here, so that small inputs cross their borders,
and one input in four is read with both sizes: what is found must not hang on where a buffer ends. What else may vary
(the date order, the format of rows) goes by the input's length, so that an input does the same whenever it is run.

`sheet` is an Excel file behind its decoder (rows of cells); `excel` is the whole file, with the decoder's process, and so a
hundred times slower.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from core.chat import Message
from core.problem import Problem
from core.reading import ReadOptions, json_stream, read_export, sheet, source, whatsapp_survey
from core.reading.detect import find_format
from core.reading.encoding import Encoding, find_encoding
from core.reading.export import Export
from core.reading.phrases import load_phrases
from core.reading.reading import Reading
from core.reading.report import ImportReport
from core.reading.source import Source
from core.reading.table import read_sheet

_PHRASES: Final = load_phrases()
_ROWS: Final = ("openai", "sharegpt", "alpaca", "prompt-completion")
_FORMAT: Final = {"whatsapp": "whatsapp", "table": "csv", "telegram": "telegram", "discord": "discord"} | {
    "messenger": "messenger",
    "chatgpt": "chatgpt",
}
EPOCH: Final = datetime(2000, 1, 1)
_UTF8: Final = Encoding("utf-8", "")
_WHOLE: Final = (1 << 20, 12 << 20)
_SMALL: Final = (61, 0)
_KEPT: Final = (61, 12 << 20)
_TWO_PASSES: Final = (1 << 20, 0)

Read = list[tuple[str, Message]]


def target(kind: str, folder: Path) -> Callable[[bytes], None]:
    """What one execution of this kind is. Archives and workbooks are files, in `folder`."""
    if kind in ("zip", "excel", "auto", "json"):
        return _of_files(folder / "export.bin")
    if kind == "sheet":
        return _of_cells

    def once(data: bytes) -> None:
        format_ = _ROWS[len(data) % 4] if kind == "rows" else _FORMAT.get(kind, "")
        read = _read(data, format_, _SMALL)
        if len(data) % 4 == 1:
            whole = _read(data, format_, _WHOLE)
            if format_ in ("whatsapp", ""):
                assert read == _read(data, format_, _KEPT), "what is read hangs on whether its first pass is kept"
                # Where an export of another shape begins is looked for in one buffer at a time, and 61 bytes are none.
                read = _read(data, format_, _TWO_PASSES)
            assert read == whole, "what is read hangs on where a buffer ends"

    return once


def _read(data: bytes, kind: str, sizes: tuple[int, int]) -> Read | None:
    """Everything in these bytes, or None where they are refused."""
    _set_sizes(sizes)
    try:
        return _read_so(data, kind)
    finally:
        _set_sizes(_WHOLE)  # what runs next in this process reads as ever


def _set_sizes(sizes: tuple[int, int]) -> None:
    json_stream._CHUNK = source.CHUNK = whatsapp_survey.CHUNK = sizes[0]  # type: ignore[misc]
    whatsapp_survey.WHOLE = sizes[1]  # type: ignore[misc]


def _read_so(data: bytes, kind: str) -> Read | None:
    here = Source("fuzz", Path("fuzz"), len(data), lambda: io.BytesIO(data))
    with contextlib.suppress(Problem):
        encoding = _UTF8 if kind and len(data) % 3 else find_encoding(here)
        found = (kind, "") if kind else find_format(here, encoding)
        if found is not None:
            options = ReadOptions(date_order=None if len(data) % 5 < 2 else "dmy")
            return _whole(Reading([Export(here, encoding, options, ImportReport("fuzz"), _PHRASES, found[0], None)]))
    return None


def _whole(reading: Reading) -> Read:
    read = [(batch.chat.title, message) for batch in reading for message in batch.messages]
    for _title, message in read:
        message.text.encode()
        message.author.encode()
        assert type(message.sent_at) is int
    assert len(read) == reading.report.messages
    json.dumps(reading.report.as_json())
    if len(read) % 4 == 1:
        reading.report.as_text()
    return read


def _of_cells(data: bytes) -> None:
    """A list of rows, as the decoder gives them: all of one length, and never without a cell."""
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        return
    given = [row for row in document if isinstance(row, list)] if isinstance(document, list) else []
    width = max(map(len, given), default=0)
    if width == 0:
        return
    cells = [[_cell(value) for value in [*row, *[""] * (width - len(row))]] for row in given]
    here = Source("fuzz", Path("fuzz.xlsx"), len(data), lambda: io.BytesIO(data))
    options = ReadOptions(date_order=None if len(data) % 5 < 2 else "dmy")
    export = Export(here, _UTF8, options, ImportReport("fuzz"), _PHRASES, "excel", None)
    rows = list(enumerate(cells, len(data) % 3 + 1))
    with contextlib.suppress(Problem):
        read = [message for batch in read_sheet(export, rows) for message in batch.messages]
        export.report.count("fuzz", read)
        json.dumps(export.report.as_json())
        for message in read:
            message.text.encode()
            assert type(message.sent_at) is int


def _cell(value: Any) -> str:
    """What the decoder makes of a value: a number may be anything that a cell may hold, times among them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9:
        kinds = (float, lambda one: EPOCH + timedelta(seconds=one), lambda one: (EPOCH + timedelta(seconds=one)).date())
        return sheet.cell(kinds[int(value) % 3](value))
    return sheet.cell(value if isinstance(value, (bool, float)) else "")


def _of_files(path: Path) -> Callable[[bytes], None]:
    def once(data: bytes) -> None:
        path.write_bytes(data)
        for order in (None, "dmy"):
            with contextlib.suppress(Problem):
                _whole(read_export(path, options=ReadOptions(date_order=order)))
                return

    return once
