"""From a path to messages: find out what a file is, and hand it to the reader that knows it.

In: a path and `ReadOptions`. Out: a `Reading`, which is iterated for batches and then holds the report. What is
unusable as a whole raises a Problem, here or at the first batch; single bad lines are in the report. To cancel, stop
iterating.
"""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from core.language import _, grouped
from core.problem import Misuse, Problem, system_words
from core.reading.archive import candidates, is_workbook, open_archive
from core.reading.detect import READERS, find_format
from core.reading.encoding import Encoding, find_encoding
from core.reading.export import Batch, Export, Progress, ReadOptions, collection_paused
from core.reading.phrases import Phrases, load_phrases
from core.reading.report import ImportReport
from core.reading.source import Source, file_source, name_of

FORMATS: Final = tuple(READERS)
_ZIP: Final = b"PK\x03\x04"
_PACKED: Final = (b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"BZh", b"\xfd7zXZ\x00", b"PK\x05\x06")
_NUMBERED: Final = re.compile(r"message_(\d+)\.json")
_PART: Final = re.compile(r"(.*) \[part (\d+)\]\.json")


class Reading:
    """One export being read. Iterate it once; `report` is whole when the iteration has ended."""

    def __init__(self, exports: list[Export], close: Callable[[], None] = lambda: None) -> None:
        self._exports = exports
        self._close = close  # an archive around them
        self._sizes = {path: _size(path) for path in dict.fromkeys(export.source.path for export in exports)}
        self.report = exports[0].report

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from self._batches()
        finally:
            self._close()

    def _batches(self) -> Iterator[Batch]:
        began = time.perf_counter()
        report = self.report
        for export in self._exports:
            report.warn(export.encoding.warning)
            try:
                for batch in READERS[export.format](export):
                    if batch.messages:
                        with collection_paused():
                            report.count(batch.chat.title, batch.messages)
                        yield batch
            except OSError as error:
                raise Problem(
                    _("the file could not be read to its end: {reason}.").format(reason=system_words(error)),
                    where=export.source.name,
                    advice=_("Check the disk, or copy the file."),
                ) from None
            report.new_chat()
        self._look_for_change()
        if report.messages == 0:
            what = _("the file has no messages.")
            if report.unread:
                first = report.unread[0]
                what = _("nothing in the file can be read; line {line}: {reason}.").format(
                    line=first.line, reason=first.reason
                )
            raise Problem(what, where=report.file, advice=_("Export the chat again."))
        if not report.lines:
            report.lines = sum(_lines(export.source) for export in self._exports)
        report.finish(time.perf_counter() - began)
        self._exports[-1].tick(self._exports[-1].source.size)

    def _look_for_change(self) -> None:
        """What was cut off while it was read is half an export, and looks like a whole one."""
        for path, size in self._sizes.items():
            now = _size(path)
            if now is None or size is None:
                continue
            if now < size:
                raise Problem(
                    _("the file became shorter while it was read ({now} of {size} bytes).").format(
                        now=grouped(now), size=grouped(size)
                    ),
                    where=name_of(path),
                    advice=_("Nothing of it was taken; wait until it is written, or copy it, and try again."),
                )
            if now > size:
                self.report.warn(_("The file grew while it was read; import it again for what was added."))


def _size(path: Path) -> int | None:
    with suppress(OSError):  # gone from its folder: what is open can still be read
        return path.stat().st_size
    return None


def _lines(source: Source) -> int:
    count = 0
    last = b"\n"
    with source.open() as stream:
        while chunk := stream.read(1 << 20):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")


def read_export(path: Path | str, *, options: ReadOptions | None = None, progress: Progress | None = None) -> Reading:
    """Open an export of any known format. Raises Problem when it is none, or cannot be read at all."""
    options = options or ReadOptions()
    if options.format is not None and options.format not in READERS:
        raise Misuse(
            _("there is no format “{name}”.").format(name=options.format),
            where="--format",
            advice=_("Formats: {known}.").format(known=", ".join(READERS)),
        )
    if options.date_order not in {None, "dmy", "mdy", "ymd"}:
        raise Misuse(
            _("“{order}” is no date order.").format(order=options.date_order),
            where="--date-order",
            advice=_("Use dmy, mdy or ymd."),
        )
    path = Path(path)
    source = file_source(path)
    report = ImportReport(source.name)
    head = source.head(8)
    if head.startswith(_ZIP):
        return _from_zip(source, options, report, progress)
    if head.startswith(_PACKED):
        raise Problem(
            _("this is an archive that cannot be read, or an empty one."),
            where=source.name,
            advice=_("Unpack it and give the file inside, or a .zip."),
        )
    encoding = find_encoding(source)
    kind, why = _format_of(source, encoding, options)
    export = _export(source, encoding, kind, options, report, progress)
    _decide(report, encoding, kind, why)
    export.also = _siblings(path, kind)
    report.parts = [one.name for one in export.also]
    return Reading([export])


def _export(
    source: Source,
    encoding: Encoding,
    kind: str,
    options: ReadOptions,
    report: ImportReport,
    progress: Progress | None,
    phrases: Phrases | None = None,
) -> Export:
    return Export(source, encoding, options, report, phrases or load_phrases(options.phrases), kind, progress)


def _decide(report: ImportReport, encoding: Encoding, kind: str, why: str) -> None:
    report.decided("encoding", encoding.name, encoding.evidence)
    report.decided("format", kind, why)


def _format_of(source: Source, encoding: Encoding, options: ReadOptions) -> tuple[str, str]:
    if options.format is not None:
        return options.format, _("as told")
    found = find_format(source, encoding)
    if found is None and PurePosixPath(source.inside or source.path.name).suffix.lower() in {".csv", ".tsv"}:
        return "csv", _("by its name")  # whose reader says what is wrong with it
    if found is None:
        raise Problem(
            _("this is none of the formats that can be read."),
            where=source.name,
            advice=_("Formats: {known}; say which with --format.").format(known=", ".join(READERS)),
        )
    return found


def _siblings(path: Path, kind: str) -> list[Source]:
    """The further files of a thread or channel, when the first one is given."""
    folder = path.parent
    if kind in {"messenger", "instagram"} and (match := _NUMBERED.fullmatch(path.name)) and match[1] == "1":
        found = {int(one[1]): file for file in folder.iterdir() if (one := _NUMBERED.fullmatch(file.name))}
    elif kind == "discord" and (match := _PART.fullmatch(path.name)) and match[2] == "1":
        found = {
            int(one[2]): file for file in folder.iterdir() if (one := _PART.fullmatch(file.name)) and one[1] == match[1]
        }
    else:
        return []
    return [file_source(found[number]) for number in sorted(found) if number != 1]


# ── archives ────────────────────────────────────────────────────────────────────────────────────────────────────


def _from_zip(source: Source, options: ReadOptions, report: ImportReport, progress: Progress | None) -> Reading:
    archive = open_archive(source.path)
    try:
        return _of_archive(archive, source, options, report, progress)
    except BaseException:
        archive.close()
        raise


def _of_archive(
    archive: zipfile.ZipFile,
    source: Source,
    options: ReadOptions,
    report: ImportReport,
    progress: Progress | None,
) -> Reading:
    if is_workbook(archive):
        archive.close()
        encoding = Encoding("utf-8", _("an Excel file"))
        _decide(report, encoding, "excel", _("an Excel file"))
        return Reading([_export(source, encoding, "excel", options, report, progress)])
    members, others, nested = candidates(source.path, archive)
    phrases = load_phrases(options.phrases)  # looks into the folders each time, and there may be thousands of members
    found: list[tuple[Export, str]] = []
    trouble: Problem | None = None
    for member in members:
        if member.size == 0:
            continue
        try:
            encoding = find_encoding(member)
            kind, why = _format_of(member, encoding, options)
        except Problem as problem:
            trouble = trouble or problem
            continue
        found.append((_export(member, encoding, kind, options, report, progress, phrases), why))
    chosen = _chosen(found, source.name)
    if not chosen:
        if trouble is not None and len(members) == 1:
            raise trouble
        raise Problem(
            _("no chat was found in the archive."),
            where=source.name,
            advice=_("Unpack the archive that lies in it and give the file inside.")
            if nested
            else _("Give the file that the app exported."),
        )
    for export, _why in chosen:
        export.also = []
    exports = _threads([export for export, _why in chosen])
    first, why = chosen[0]
    report.media_files = others
    report.parts = [one.source.inside for one in exports] if len(exports) > 1 else []
    _decide(
        report,
        first.encoding,
        first.format,
        "; ".join(filter(None, (why, _("chosen in the archive: {name}").format(name=first.source.inside)))),
    )
    return Reading(exports, archive.close)


def _chosen(found: list[tuple[Export, str]], name: str) -> list[tuple[Export, str]]:
    """One chat of WhatsApp (other texts in its archive were sent as files), or all that another app packed."""
    whatsapp = [one for one in found if one[0].format == "whatsapp"]
    if not whatsapp:
        return [one for one in found if one[0].format != "csv"] or found[:1]

    def likely(one: tuple[Export, str]) -> tuple[bool, bool, int, int]:
        inside = PurePosixPath(one[0].source.inside)
        titled = bool(one[0].phrases.title(inside.stem))
        return inside.name == "_chat.txt", titled, -len(inside.parts), one[0].source.size

    return [max(whatsapp, key=likely)]


def _threads(exports: list[Export]) -> list[Export]:
    """Messenger's threads come in several files, which are one export."""
    threads: dict[tuple[str, str], Export] = {}
    result: list[Export] = []
    numbered = {id(one): _NUMBERED.fullmatch(PurePosixPath(one.source.inside).name) for one in exports}
    for export in sorted(exports, key=lambda one: int(match[1]) if (match := numbered[id(one)]) else 0):
        if not numbered[id(export)] or export.format not in {"messenger", "instagram"}:
            result.append(export)
            continue
        key = (str(PurePosixPath(export.source.inside).parent), export.format)
        if key in threads:
            threads[key].also.append(export.source)
        else:
            threads[key] = export
            result.append(export)
    return result
