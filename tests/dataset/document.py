"""The recipe's table in docs/dataset.md, made from the code: `python -m tests.dataset.document` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path

from core.dataset.recipe import PARAMETERS, PRESETS, plain

PAGE = Path(__file__).parents[2] / "docs" / "dataset.md"
BEGIN, END = "<!-- recipe: made by python -m tests.dataset.document -->", "<!-- end of recipe -->"


def table() -> str:
    """The parameters, a row each, and the presets."""
    rows = ["| parameter | default | bounds | what it does |", "|---|---|---|---|"]
    stage = ""
    for one in PARAMETERS.values():
        if one.stage != stage:
            stage = one.stage
            rows.append(f"| **{stage}** | | | |")
        default = json.dumps(plain(one, one.default), ensure_ascii=False)
        cells = (f"`{one.name}`", f"`{default}`", one.bounds, one.help)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    rows += ["", "| preset | what for | what it changes |", "|---|---|---|"]
    for name, (help_, values) in PRESETS.items():
        changes = " ".join(f"`{key}={json.dumps(value, ensure_ascii=False)}`" for key, value in values.items())
        rows.append(f"| `{name}` | {help_} | {changes} |".replace("<|", "<\\|").replace("|>", "\\|>"))
    return "\n".join(rows)


def page(old: str) -> str:
    """The page with the table as it should be."""
    head, _begin, rest = old.partition(BEGIN)
    _table, _end, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
