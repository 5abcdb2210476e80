"""The pictures of the docs: `python -m tests.tui.screenshots` draws docs/pictures/*.svg from the sample chats.

The workbench itself is walked by keys, in a folder of its own that is gone afterwards; nothing of the person who runs it
is in the pictures. They are looked at, not compared: an SVG changes with every Textual.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PICTURES = ROOT / "docs" / "pictures"
SIZE = (110, 34)
# name -> keys that lead there from the one before, and words that show that it is there
WALK = (
    ("chats", (), "Nico"),
    ("conversations", ("2",), "later"),
    ("recipe", ("3",), "example 1 of"),
    ("rules", ("r",), "are kept"),
    ("example", ("escape", "e"), "y copy"),
    ("datasets", ("escape", "4"), "half ≤"),
)
_IDENTITY = re.compile(r"terminal-\d+")
_FONTS = re.compile(r"\s*@font-face \{.*?\n    \}", re.DOTALL)


def tidied(drawn: str, name: str) -> str:
    """The picture without fonts from elsewhere, with its blanks kept, and with the same name at every drawing."""
    drawn = _FONTS.sub("", _IDENTITY.sub(f"sinsonte-{name}", drawn))
    drawn = drawn.replace("Fira Code, monospace", "monospace")
    return drawn.replace('<svg class="rich-terminal"', '<svg xml:space="preserve" class="rich-terminal"', 1)


async def draw(folder: Path) -> None:
    """Walk the workbench and write a picture of each place."""
    from core.settings import Settings
    from core.workspace import chats, datasets, recipe, versions
    from core.workspace.opening import open_workspace
    from tests.tui.hosts import screen_text, until
    from tui.app import Workbench

    with open_workspace(folder / "w", Settings(folder / "none.toml")) as workspace:
        chats.import_files(workspace, chats.sample_files())
        recipe.change(workspace, {"persona": "Nico", "model": "gpt-4.1-mini"})
        versions.save(workspace, "nico")
        datasets.build(workspace, "nico-1")
        recipe.change(workspace, {"burst_window": "30m", "buffer_size": 6})
        app = Workbench(workspace, workspace.settings)
        app.workspace.folder = Path("/home/vera/sinsonte")
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, "Nico")
            for name, keys, words in WALK:
                for key in keys:
                    await pilot.press(key)
                    await pilot.pause(0.1)
                await until(pilot, words)
                before = ""
                while (now := screen_text(app)) != before or "≈" in now:
                    before = now
                    await pilot.pause(0.3)
                drawn = tidied(app.export_screenshot(title="sinsonte"), name)
                (PICTURES / f"{name}.svg").write_text(drawn, encoding="utf-8")
                print(PICTURES / f"{name}.svg")


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        os.environ["SINSONTE_CONFIG"] = str(Path(name) / "config.toml")
        os.environ["SINSONTE_LANG"] = "en"
        asyncio.run(draw(Path(name)))


if __name__ == "__main__":
    main()
