"""Writing the files of a dataset. In: examples, a format, a folder. Out: what was written, or a Problem and no files.

Each file is written beside its place under another name and moved there when whole, so that a full disk or a kill
leaves what was there before. Blocks of lines are written at once; memory does not grow with the dataset.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from core.chat import Example, Side
from core.dataset.export import rendering
from core.dataset.recipe import Recipe
from core.language import N_, _, ngettext
from core.problem import Misuse, Problem, Refused, system_words

_BLOCK: Final = 512  # lines written at once
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write examples."""

    name: str
    help: str  # in English; `_` it to show it
    renderer: Callable[[Recipe], rendering.Renderer] | None  # None: not lines of text
    extension: str = "jsonl"


FORMATS: Final[Mapping[str, Format]] = {
    one.name: one
    for one in (
        Format("openai", N_("chat messages with roles"), rendering.openai),
        Format("prompt-completion", N_("prompt and completion"), rendering.prompt_completion),
        Format("sharegpt", N_("conversations of human and gpt"), rendering.sharegpt),
        Format("alpaca", N_("instruction and output, with history"), rendering.alpaca),
        Format("text", N_("plain labelled lines"), rendering.text, "txt"),
        Format("parquet", N_("a table of messages (needs pyarrow)"), None, "parquet"),
        Format("run", N_("what a run trains on"), rendering.run),
    )
}


@dataclass(frozen=True, slots=True)
class Written:
    """One file that was written."""

    path: Path
    side: Side
    examples: int
    size: int


def write(
    examples: Iterable[Example],
    recipe: Recipe,
    folder: Path,
    format: str = "openai",  # noqa: A002 - the word that the command line has for it
    *,
    bom: bool = False,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Written]:
    """Write `train` and, if any example is held out, `validation`, in this format.

    `bom` begins each file with a byte order mark, which Azure asks for. Files that are there are only replaced with
    `force`. Examples of both sides may come in any order.
    """
    chosen = FORMATS.get(format)
    if chosen is None:
        raise Misuse(
            _("No format is called “{name}”.").format(name=format[:60]),
            advice=_("There are: {names}.").format(names=", ".join(name for name in FORMATS if name != "run")),
        )
    places = {side: folder / f"{side.value}.{chosen.extension}" for side in Side}
    there = [place.name for place in places.values() if place.exists()]
    if there and not force:
        raise Refused(
            ngettext("{files} is there already.", "{files} are there already.", len(there)).format(
                files=", ".join(there)
            ),
            where=str(folder),
            advice=_("Choose another folder, or replace it with --force."),
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if chosen.renderer is None:
            from core.dataset.export import parquet

            return parquet.write(examples, places, progress=progress)
        return _write_lines(examples, chosen.renderer(recipe), places, chosen.extension == "jsonl", bom, progress)
    except OSError as error:
        raise Problem(
            _("The dataset could not be written: {reason}.").format(reason=system_words(error)),
            where=str(folder),
            advice=_("Check the folder and the room on the disk; nothing was replaced."),
        ) from error


@contextlib.contextmanager
def in_place(places: Mapping[Side, Path]):
    """Open files for both sides beside their places; all are moved there at the end, none if anything fails."""
    opened: dict[Side, tuple[BinaryIO, Path]] = {}

    def file_for(side: Side) -> BinaryIO:
        if side not in opened:
            place = places[side]
            number, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
            opened[side] = (os.fdopen(number, "wb", buffering=1 << 20), Path(name))
        return opened[side][0]

    try:
        yield file_for
        for file, _place in opened.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
        for side, (_file, made) in opened.items():
            made.replace(places[side])
        for side, place in places.items():
            if side not in opened:
                place.unlink(missing_ok=True)  # of an earlier export, replaced by force: it is not of this dataset
    finally:
        for file, made in opened.values():
            with contextlib.suppress(OSError):
                file.close()
            made.unlink(missing_ok=True)


def _write_lines(
    examples: Iterable[Example],
    render: rendering.Renderer,
    places: Mapping[Side, Path],
    is_json: bool,
    bom: bool,
    progress: Callable[[int], None] | None,
) -> list[Written]:
    counts = dict.fromkeys(Side, 0)
    waiting: dict[Side, list[str]] = {side: [] for side in Side}
    with in_place(places) as file_for:

        def flush(side: Side) -> None:
            block = "\n".join([*waiting[side], ""])
            waiting[side].clear()
            data = rendering.safe_json(block) if is_json else block.encode("utf-8", "replace")
            file = file_for(side)
            if bom and not file.tell():
                file.write(_BOM)
            file.write(data)

        for number, example in enumerate(examples, 1):
            side = example.side
            counts[side] += 1
            lines = waiting[side]
            lines.append(render(example))
            if len(lines) >= _BLOCK:
                flush(side)
                if progress:
                    progress(number)
        for side in Side:
            if waiting[side] or side is Side.TRAIN:
                flush(side) if waiting[side] else file_for(side)
    return [
        Written(places[side], side, counts[side], places[side].stat().st_size) for side in Side if places[side].exists()
    ]
