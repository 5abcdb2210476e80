"""The recipe and datasets screens in a real terminal: nothing hostile reaches it, what is copied is one clean sequence."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

from core.workspace import people, recipe
from core.workspace.opening import open_workspace
from tests.hostile import MARKERS
from tests.tui.terminal import hostile_workspace, terminal, without_own

_OSC52 = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def test_a_hostile_chat_reaches_no_terminal_through_the_recipe(tmp_path: Path) -> None:
    hostile_workspace(tmp_path / "w")
    with open_workspace(tmp_path / "w") as workspace:
        persona, *others = [row.name for row in people.listing(workspace)]
        for other in others[::2]:
            people.join(workspace, persona, other)  # every second one, so that there are replies
        recipe.change(
            workspace,
            {
                "persona": persona, "without_context": "keep", "near_duplicates": "keep", "drop_media": False,
                "validation": 0, "strip_marks": False, "strip_notices": False, "mask": "none",
                "system_prompt": "\x1b]52;c;aGk=\x07 [@click=app.quit]{persona}[/] [/nope]", "model": "gpt-4.1-mini",
            },
        )  # fmt: skip
    with terminal(tmp_path / "w") as made:
        made.until("messages")
        made.type("3")
        made.until("persona")
        made.type("v")
        made.type("v")  # the example
        made.until("example 1 of")
        for _example in range(8):
            made.type("]")
        made.type("e")  # examples, whole
        made.until("y copy")
        for _example in range(8):
            made.type("n")
            made.type("\x1b[6~")
        made.type("y")
        made.until("to a file")
        made.type("\x1b", 0.3)
        made.type("\x1b", 0.3)
        made.type("r")  # what rules touch
        made.until("is kept" if "is kept" in made.text() else "are kept")
        made.type("j" * 9)
        made.type("G")
        made.type("\x1b", 0.3)
        made.type("p")  # presets, and what each would change of a hostile system prompt
        made.until("WhatsApp voice")
        made.type("\x1b", 0.3)
        made.type("l")  # another persona
        made.type("\r")  # typed
        made.type("\x1b", 0.3)
        made.type("h")
        made.type("G")
        made.type("s\r")
        made.until("Saved as")
        made.type("b\r")
        made.until("Dataset “dataset-1”")
        made.type("4")
        made.until("dataset-1")
        made.type("\r")
        made.until("y copy")
        made.type("\x1b[6~")
        made.type("\x1b", 0.3)
        made.type("c")
        made.until("to be trained on")
        made.type("jjjjjjjj")
        made.type("\x1b", 0.3)
        made.type("\x10")
        made.type("\x1b", 0.3)
        made.type("\x1b[<0;20;8M\x1b[<0;20;8m")
        made.type("\x1b", 0.3)
        assert not [marker for marker in MARKERS if marker in without_own(made.raw)]
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0


def test_what_is_copied_is_sent_once_and_as_it_is_shown(tmp_path: Path) -> None:
    hostile_workspace(tmp_path / "w")
    with open_workspace(tmp_path / "w") as workspace:
        recipe.change(workspace, {"persona": people.listing(workspace)[0].name, "model": "gpt-4.1-mini"})
    with terminal(tmp_path / "w") as made:
        made.until("messages")
        made.type("3")
        made.until("persona")
        assert not _OSC52.search(made.raw)
        made.type("y")
        made.until("whether it keeps")
        assert not _OSC52.search(made.raw)  # to ask is not to send
        made.type("\r")
        made.until("Sent to the terminal")
        (sent,) = _OSC52.findall(made.raw)
        text = base64.b64decode(sent).decode()
        assert "burst_window=1h" in text
        assert "\x1b" not in text
        assert "\x07" not in text
