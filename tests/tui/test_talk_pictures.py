"""What the chat screen looks like: one model, two side by side, the panel, the history; as text, like all pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.chatting.replies import Token
from core.workspace import transcripts
from core.workspace.opening import Workspace
from tests.tui.hosts import a_conversation, screen_text, speak_spanish, until, workspace_with
from tests.tui.test_pictures import SIZES, compare, picture
from tui.app import Workbench
from tui.screens.talk.screen import TalkScreen

SEPARATOR = "<|msg_sep|>"
AT = 1_750_000_000.0
# lane, role, text, what is beside: a question, an answer cut off, another in its place, one that was corrected
SAID = [
    (None, "user", "¿Qué me contás del asado de mañana?", {}),
    (1, "assistant", f"che, el asado 😂{SEPARATOR}arranca a las nueve", {"finish": "stop"}),
    (1, "assistant", "Conviene precalentar la parrilla media hora.", {"finish": "stop", "model": "mini"}),
    (1, "assistant", f"a las nueve en lo de mi vieja{SEPARATOR}traé hielo", {"finish": "real", "model": "Nico"}),
    (2, "user", "¿Llevo algo?", {}),
    (5, "assistant", "traé pan y", {"trouble": "The reply was stopped."}),
    (5, "assistant", "pan y carbón, dale", {"finish": "corrected"}),
]
# The last reply, piece by piece: one that came as a surprise, and what could have stood in its place.
TOKENS = [
    Token("pan", -0.2), Token(" y", -0.1), Token(" carb", -2.1, ((" car", -0.33), (" carb", -2.1), (" vino", -3.0))),
    Token("ón", -0.01), Token(",", -0.4), Token(" dale", -0.05),
]  # fmt: skip
SCREENS: dict[str, tuple[list[tuple[str, int]], tuple[str, ...], str]] = {
    # name: lanes (model, last message), keys, words that show that it is there
    "talk": ([("nico", 6)], ("escape",), "⚠"),
    "talk_two": ([("nico", 7), ("mini", 3)], ("escape",), "parrilla"),
    "talk_parameters": ([("nico", 7)], ("escape", "p"), "temperatura|temperature"),
    "talk_history": ([("nico", 7)], ("escape", "o"), "nico"),
    "talk_tokens": ([("nico", 7)], ("escape", "t", "n"), "71"),
}


def the_talk(workspace: Workspace, lanes: list[tuple[str, int]], folder: Path) -> int:
    """The talk, read from a file as files are."""
    said = [
        {
            "id": number, "parent": parent, "role": role, "text": text, "at": AT + 60 * number, "model": "nico",
            "reply_tokens": 12, "first_token": 0.25, "seconds": 1.0, "manner": {"separator": SEPARATOR}, **more,
        }
        for number, (parent, role, text, more) in enumerate(SAID, 1)
    ]  # fmt: skip
    ours = {
        "title": "¿Qué me contás del asado de mañana?",
        "system": "",
        "manner": {"preset": "usual"},
        "lanes": [{"model": model, "leaf": leaf} for model, leaf in lanes],
        "said": said,
    }
    file = folder / "talk.jsonl"
    file.write_text(json.dumps({"sinsonte": ours}))
    return transcripts.read_in(workspace, file)[0]


@pytest.mark.parametrize("spanish", [False, True], ids=["en", "es"])
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", SCREENS)
async def test_the_chat_screen_looks_as_before(
    name: str, size: tuple[int, int], spanish: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spanish:
        speak_spanish(monkeypatch)
    for module in ("entries", "history"):
        monkeypatch.setattr(f"tui.screens.talk.{module}.clock", lambda _at: "14:10")  # whatever the zone of the machine
    monkeypatch.setattr("tui.screens.talk.history.short_day", lambda _at: "15 jun 2025")
    workspace = workspace_with(tmp_path / "w", ("Nico", a_conversation()))
    lanes, keys, words = SCREENS[name]
    number = the_talk(workspace, lanes, tmp_path)
    app = Workbench(workspace, workspace.settings)
    async with app.run_test(size=size) as pilot:
        await pilot.press("7")
        await until(pilot, "mini")
        screen = app.screen_stack[0]
        assert isinstance(screen, TalkScreen)
        screen.open_talk(number)
        await pilot.pause()
        screen.talk.tokens[7] = TOKENS
        seen = await picture(pilot, name, keys, words.split("|")[not spanish] if "|" in words else words)
        if name == "talk_parameters":
            while not screen.query_one("#parameters").has_focus:
                await pilot.pause(0.02)
            await pilot.pause()
            seen = screen_text(app) + "\n"
    workspace.close()
    # Without the list of screens at the top, which belongs to none of them.
    compare(name, size, spanish, seen.partition("\n")[2])
