"""Every binding of the workbench, found in its classes; `python -m tests.tui.keys` writes the table of the docs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

from tui.keyboard import key_name

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "keyboard.md"
BEGIN, END = "<!-- keys -->", "<!-- end of keys -->"


def owners() -> Iterator[type[DOMNode]]:
    """The classes of ours that bind keys."""
    for file in sorted((ROOT / "tui").rglob("*.py")):
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, DOMNode) and thing.__module__ == module.__name__:
                yield thing


def bindings() -> Iterator[tuple[str, Binding]]:
    """The bindings, with the class that has each."""
    for owner in owners():
        for binding in vars(owner).get("BINDINGS", []):
            assert isinstance(binding, Binding), f"{owner.__name__}: a binding needs an id, so a Binding"
            yield owner.__name__, binding


def table() -> str:
    """The bindings as a table of Markdown."""
    keys: dict[str, str] = {}
    does: dict[str, str] = {}
    for _owner, binding in bindings():
        names = " ".join(f"`{key_name(key)}`" for key in binding.key.split(","))
        if len(names) > len(keys.get(binding.id or "", "")):
            keys[binding.id or ""] = names
        does.setdefault(binding.id or "", binding.description)
    lines = ["| keys | what they do | name |", "|---|---|---|"]
    lines += [f"| {keys[name]} | {does[name]} | `{name}` |" for name in sorted(keys)]
    return "\n".join(lines)


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
