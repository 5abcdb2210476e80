"""The screens of runs and models in a real terminal, with texts that mean harm: a log line is anything, a sample is what
a model wrote, and a provider names its models as it likes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from core.store import models, runs
from core.training.events import FILE
from core.workspace.opening import open_workspace
from tests.hostile import HOSTILE, MARKERS
from tests.tui.runs import a_run, is_alive
from tests.tui.terminal import terminal, without_own

SHORT = [text for text in HOSTILE if len(text) < 10_000]
STORABLE = [text for text in SHORT if not any(0xD800 <= ord(one) <= 0xDFFF for one in text)]


def hostile_log(folder: Path, end: bool) -> None:
    """Every text in every place of a log, written as another program would."""
    events: list[dict[str, object]] = [{"kind": "state", "state": "running"}, {"kind": "plan", "steps": 9}]
    for text in HOSTILE:
        more: list[dict[str, object]] = [
            {"kind": "log", "text": text},
            {"kind": "sample", "step": 1, "prompt": text, "reply": text, text[:50] or "x": text},
            {"kind": text[:200], "text": text},
            {"kind": "step", "step": text[:99], "steps": text[:99], "loss": text[:99]},
            {"kind": "step", "step": 3, "steps": 9, "loss": 1e999, "lr": -1e400, "eta_seconds": 10**400},
            {"kind": "validation", "step": 3, "loss": 1.0, "perplexity": text[:99]},
            {"kind": "checkpoint", "step": 3, "path": text[:999]},
            {"kind": "state", "state": text[:99]},
        ]
        events += more
    if end:
        events.append({"kind": "problem", "cause": SHORT[0], "text": SHORT[0] + SHORT[4], "advice": SHORT[9]})
        events.append({"kind": "end", "state": "failed"})
    with (folder / FILE).open("w", encoding="utf-8") as file:
        for seq, event in enumerate(events, 1):
            at = 1.7e9 if seq % 3 else -1e300
            file.write(json.dumps({"attempt": 1, "seq": seq, "at": at, **event}, separators=(",", ":")) + "\n")


def test_nothing_in_a_log_or_a_model_reaches_the_terminal_raw(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "w")
    for number, text in enumerate(STORABLE[:14]):
        options = {"learning_rate": text, text: text}
        folder = a_run(workspace, f"1124-0900-{number:04d}", **options)
        hostile_log(folder, end=number % 2 == 0)
        if number % 2:
            is_alive(folder)
        with workspace.store.write() as change:
            change.execute("UPDATE runs SET base = ? WHERE id = ?", (text, folder.name))
            runs.update(change, folder.name, state="failed" if number % 2 == 0 else "running", model=text)
            models.add(change, models.StoredModel(text, ("adapter", "remote", "base")[number % 3], text, text))
    workspace.close()
    with terminal(tmp_path / "w") as made:
        made.until("chats yet")
        made.type("5")
        made.until("under way")
        made.type("mjm")
        made.type("c")
        made.until("Comparing")
        made.type("cc")
        made.type("\x1b", 0.3)
        made.until("under way")
        for row in ("g", "jj"):
            made.type(row + "\r")
            made.until("Log: everything")
            for _page in range(4):
                made.type("\x1b[5~")
            made.type("\r")
            made.until("· event ")
            made.type("\x1b", 0.3)
            for _filter in range(6):
                made.type("f")
            made.type("/")
            made.type("\x1b[200~52;c\x1b[201~\r")
            made.type("\x1b", 0.3)
            made.until("under way")
        made.type("n")
        made.until("Start a run")
        made.type("jj\r")
        made.type("\x1b", 0.3)
        made.type("\x1b", 0.3)
        made.type("6")
        made.until("14 models")
        for _model in range(14):
            made.type("j")
        made.type("\x10")
        made.type("\x1b", 0.3)
        assert not [marker for marker in MARKERS if marker in without_own(made.raw)]
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0
