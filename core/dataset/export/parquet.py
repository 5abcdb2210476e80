"""Examples as a Parquet table: `messages` (role, content, trained), `conversation`. Needs the package pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from core.chat import Example, Side
from core.dataset.export.writing import Written, in_place
from core.language import _
from core.problem import Problem

_BLOCK = 2_000  # examples in a row group


def write(
    examples: Iterable[Example], places: Mapping[Side, Path], *, progress: Callable[[int], None] | None = None
) -> list[Written]:
    """Write the tables of both sides."""
    try:
        import pyarrow as pa  # pyright: ignore[reportMissingImports]
        import pyarrow.parquet as pq  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise Problem(
            _("Parquet files need the package pyarrow, which is not installed."),
            advice=_("Install it, or export as openai."),
        ) from None
    arrow: Any = pa
    said: Any = arrow.struct(
        [("role", arrow.string()), ("content", arrow.string()), ("trained", arrow.bool_()), ("name", arrow.string())]
    )
    schema: Any = arrow.schema([("messages", arrow.list_(said)), ("conversation", arrow.int64())])
    parquet: Any = pq
    counts = dict.fromkeys(Side, 0)
    waiting: dict[Side, list[dict[str, Any]]] = {side: [] for side in Side}
    with in_place(places) as file_for:
        writers: dict[Side, Any] = {}

        def flush(side: Side) -> None:
            if side not in writers:
                writers[side] = parquet.ParquetWriter(file_for(side), schema, compression="zstd")
            writers[side].write_table(arrow.Table.from_pylist(waiting[side], schema=schema))
            waiting[side].clear()

        for number, example in enumerate(examples, 1):
            side = example.side
            counts[side] += 1
            waiting[side].append(
                {
                    "messages": [
                        {
                            "role": line.role.value,
                            "content": _clean(line.text),
                            "trained": line.trained,
                            "name": line.name,
                        }
                        for line in example.lines
                    ],
                    "conversation": example.conversation,
                }
            )
            if len(waiting[side]) >= _BLOCK:
                flush(side)
                if progress:
                    progress(number)
        for side in Side:
            if waiting[side] or side is Side.TRAIN:
                flush(side)
        for writer in writers.values():
            writer.close()
    return [
        Written(places[side], side, counts[side], places[side].stat().st_size) for side in Side if places[side].exists()
    ]


def _clean(text: str) -> str:
    # Half an emoji has no UTF-8; JSON could escape it, a table cannot.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
