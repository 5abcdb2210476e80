"""What each screen looks like, at two sizes and in both languages, as text that a review can read.

`SINSONTE_PICTURES=1 pytest tests/tui/test_pictures.py` draws them anew. Text and not SVG: an SVG changes with every
Textual and every Python, and nobody sees in it that a column moved.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.workspace.opening import open_workspace
from core.workspace.recipe import Counters
from tests.tui.hosts import START, a_conversation, many, screen_text, speak_spanish, until, workspace_with
from tests.tui.pictures_table import belongs
from tui.app import Workbench
from tui.screens.library import LibraryScreen
from tui.screens.picker import Entry

PICTURES = Path(__file__).parent / "pictures"
DRAW = bool(os.environ.get("SINSONTE_PICTURES"))  # read here: no test sees the variables of the person who runs it
SIZES = ((80, 24), (120, 40))
# name -> keys that lead there, and text that shows that it is there, in both languages where it is not the same
SCREENS = {
    "chats": ((), "312"),
    "messages": (("enter", "g"), "‹"),
    "message": (("enter", "k", "enter"), "16:06:40"),
    "keys": (("question_mark",), "list.down"),
    "palette": (("ctrl+p",), "Facultad"),
    "picker": (("i",), "apuntes.md"),
    "report": (("r",), "UTF-8"),
    "people": (("p",), "Vera Ríos"),
    "forget": (("p", "X"), "esc "),
    "decided": (("enter", "g", "j", "d", "plus", "space", "space"), "●"),
    "search": (("enter", "slash", *"harina"), "“harina”: 1|«harina»: 1"),
    "filter": (("enter", "f"), "forwarded"),
    "edit": (("enter", "g", "j", "e"), "^j"),
    "tag": (("enter", "g", "j", "t"), "—"),
    "weight": (("enter", "g", "j", "w"), "1 "),
    "date": (("enter", "D"), "2025-06-1"),
    "delete": (("X",), "esc "),
    "untag": (("enter", "g", "j", "t", *"raro", "enter", "T"), "raro 1"),
    "nothing": (("enter", "slash", *"zzz", "enter"), ": 0 "),
    "keys_messages": (("enter", "question_mark"), "curate.drop"),
    "people_menu": (("p", "enter"), "Vera Ríos"),
    "join": (("p", "space", "J"), "esc "),
    "consent": (("p", "c", "j", "c", "c"), "● "),
    "voice": (("r", "escape"), "253"),
    "bulk": (("down", "enter", "slash", *"mensaje", "enter", "asterisk", "d"), "312 messages?|312 mensajes?"),
}
FILES = [
    Entry("Chat de WhatsApp con Nico.txt", False, 7, 812_345, START),
    Entry("result.json", False, 7, 64_000_000, START - 90_000),
    Entry("fotos", True, 0, 4096, START),
    Entry("apuntes.md", False, 0, 120, START),
]
REPORT = [
    "Chat de WhatsApp con Nico.txt: 5,527 messages from 5,611 lines in 0.04 s",
    "  encoding: utf-8 (every byte is valid UTF-8)",
    "  1 line in doubt:",
    "    line 1: it stands before the first message  lo de antes",
]
COUNTED = Counters(153_700, 61_204, 4_120, 23_411, None, None, 3_204_118, False, "$12.34", 1, "mini")


async def picture(pilot: Pilot[int], name: str, keys: tuple[str, ...], words: str) -> str:
    app = pilot.app
    assert isinstance(app, Workbench)
    app.count_again = lambda: None  # type: ignore[method-assign,assignment]
    app.workspace.folder = Path("/home/vera/sinsonte")
    if isinstance(library := app.screen, LibraryScreen):
        library._folder = Path("/home/vera/descargas")  # pyright: ignore[reportPrivateUsage]
        if library.chats.count:
            library._report = REPORT  # pyright: ignore[reportPrivateUsage]
            library.refresh_bindings()  # now, and not when something else happens to ask for it
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
    app._take_counters(COUNTED)  # pyright: ignore[reportPrivateUsage]
    await until(pilot, words)
    for bar in app.screen_stack[0].query("#places"):
        bar._workspace = "/home/vera/sinsonte"  # type: ignore[attr-defined]
        bar.refresh()
    await pilot.pause()
    belongs(name, app.screen)
    return screen_text(app) + "\n"


@pytest.mark.parametrize("spanish", [False, True], ids=["en", "es"])
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", [*SCREENS, "first_start"])
async def test_the_screen_looks_as_before(
    name: str, size: tuple[int, int], spanish: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.picker.entries", lambda _folder: FILES)
    if spanish:
        speak_spanish(monkeypatch)
    if name == "first_start":
        workspace = open_workspace(tmp_path / "w")
        keys, words = (), "WhatsApp"
    else:
        workspace = workspace_with(tmp_path / "w", ("Facultad 🎓", many(312)), ("Nico", a_conversation()))
        keys, words = SCREENS[name]
    app = Workbench(workspace, workspace.settings)
    async with app.run_test(size=size) as pilot:
        await until(pilot, "312" if name != "first_start" else words)
        seen = await picture(pilot, name, keys, words.split("|")[-1 if spanish else 0])
    workspace.close()
    compare(name, size, spanish, seen)


def compare(name: str, size: tuple[int, int], spanish: bool, seen: str) -> None:
    """The picture as it is in the repository; or drawn anew there."""
    file = PICTURES / f"{name}_{size[0]}x{size[1]}_{'es' if spanish else 'en'}.txt"
    if DRAW:
        file.parent.mkdir(exist_ok=True)
        file.write_text(seen, encoding="utf-8")
    assert seen == file.read_text(encoding="utf-8"), f"{file.name} looks different; SINSONTE_PICTURES=1 draws it anew"
