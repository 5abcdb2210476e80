"""From a path to messages: find out what a file is, and hand it to the reader that knows it.

In: a path and `ReadOptions`. Out: a `Reading`, which is iterated for batches and then holds the report. What is unusable as
a whole raises a Problem, here or at the first batch; single bad lines are in the report. To cancel, stop iterating.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from core.language import _
from core.problem import Problem
from core.reading import whatsapp
from core.reading.encoding import find_encoding
from core.reading.export import Batch, Export, Progress, ReadOptions
from core.reading.phrases import load_phrases
from core.reading.report import ImportReport
from core.reading.source import Source, file_source

Reader = Callable[[Export], Iterator[Batch]]


class Reading:
    """One export being read. Iterate it once; `report` is whole when the iteration has ended."""

    def __init__(self, export: Export, reader: Reader) -> None:
        self._export = export
        self._reader = reader
        self.report = export.report

    def __iter__(self) -> Iterator[Batch]:
        began = time.perf_counter()
        report = self.report
        for batch in self._reader(self._export):
            if batch.messages:
                report.count(batch.chat.title, batch.messages)
                yield batch
        if report.messages == 0:
            raise Problem(
                _("the file has no messages."), where=self._export.source.name, advice=_("Export the chat again.")
            )
        report.warn(self._export.encoding.warning)
        report.finish(time.perf_counter() - began)
        self._export.tick(self._export.source.size)


def read_export(path: Path | str, *, options: ReadOptions | None = None, progress: Progress | None = None) -> Reading:
    """Open an export of any known format. Raises Problem when it is none, or cannot be read at all."""
    options = options or ReadOptions()
    source = file_source(Path(path))
    return _opened(source, options, progress)


def _opened(source: Source, options: ReadOptions, progress: Progress | None) -> Reading:
    encoding = find_encoding(source)
    report = ImportReport(source.name)
    report.decided("encoding", encoding.name, encoding.evidence)
    report.decided("format", "whatsapp", "")
    export = Export(source, encoding, options, report, load_phrases(options.phrases), progress)
    return Reading(export, whatsapp.read)
