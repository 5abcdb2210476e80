"""The chat screen in a real terminal: whatever a model says, nothing of it is obeyed, and nothing hangs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.workspace import transcripts
from core.workspace.opening import open_workspace
from tests.hostile import HOSTILE, MARKERS
from tests.tui.talks import Chunk, answering, delta
from tests.tui.terminal import Terminal

PROGRAM = """
import sys
from pathlib import Path
from core.settings import Endpoint, Settings
from core.workspace.opening import open_workspace
import tui.app
settings = Settings(Path("none.toml"), endpoints={{"lab": Endpoint("lab", "{base_url}")}})
workspace = open_workspace(Path(sys.argv[1]), settings)
code = tui.app.run(workspace, settings)
workspace.close()
sys.exit(code)
"""


@contextmanager
def terminal(folder: Path, base_url: str, size: tuple[int, int] = (24, 80)) -> Iterator[Terminal]:
    made = Terminal(folder, size=size, program=PROGRAM.format(base_url=base_url))
    try:
        yield made
    finally:
        made.close()


def open_the_screen(made: Terminal) -> None:
    """Lead to an empty talk with the model of the server."""
    made.until("Chats")
    made.type("7")
    made.until("A new talk")
    made.type("\x1b", 0.3)
    made.type("m")
    made.until("another one, by its name")
    made.type("G\r")
    made.until("The name:")
    made.type("lab:m\r")
    made.until("○ lab:m")
    made.type("i")


def nothing_was_obeyed(made: Terminal) -> None:
    raw = made.raw.replace(b"\x1b[?1049h", b"").replace(b"\x1b[2J", b"", 1)
    assert not [marker for marker in MARKERS if marker in raw]


def test_hostile_replies_reach_no_terminal(tmp_path: Path) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in HOSTILE]

    def reply(_asked: dict[str, object]) -> Iterator[Chunk]:
        for number, text in enumerate(texts):
            # Cut in two, so that no sequence is whole in one piece; the long ones whole.
            middle = 1 if len(text) > 1 else 0
            for part in (text[:middle], text[middle:60_000]):
                tokens = {"content": [{"token": part[:50], "logprob": -1.0, "bytes": None, "top_logprobs": []}]}
                yield delta(part, logprobs=tokens)
            yield delta(f"\n{number} fin\n")
        yield delta("y el último", "stop")

    with answering(reply) as base_url, terminal(tmp_path / "w", base_url) as made:
        open_the_screen(made)
        made.type("\x1b[200~hola \x1b]0;t\x07 \u202e\x1b[201~")  # pasted: hostile as well
        made.type("\r")
        made.until("y el último", 60)
        made.until("○ lab:m", 60)
        made.type("\x1b", 0.3)
        for _page in range(12):
            made.type("\x1b[5~")
        made.type("G")
        made.type("t", 0.5)  # the tokens, and the first of them under the cursor
        made.until("average", 60)
        made.type("lllll")
        made.type("q")
        made.type("o", 0.5)  # the history
        made.until("1 talk")
        made.type("hola", 0.3)
        made.until("1 message found")
        made.type("\x1b", 0.5)
        made.type("ge", 0.5)  # the question, in the field
        made.type("\x1b", 0.5)
        made.type("w", 0.5)
        made.until("Written:")
        nothing_was_obeyed(made)
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0


@pytest.mark.parametrize("piece", ["y", "😂 ", "\n"], ids=["a line", "pictures", "lines"])
def test_a_reply_without_end_is_shown_and_can_be_stopped(tmp_path: Path, piece: str) -> None:
    def endless(_asked: dict[str, object]) -> Iterator[Chunk]:
        yield delta("empieza ")
        while True:
            yield delta(piece * 400)

    with answering(endless) as base_url, terminal(tmp_path / "w", base_url) as made:
        open_the_screen(made)
        made.type("hola", 0.1)
        os.write(made.descriptor, b"\r")
        made.until("≈", 60)
        for _read in range(10):
            made.read(0.2)
        os.write(made.descriptor, b"\x1b")
        made.until("○ lab:m", 60)
        made.type("\x1b", 0.3)
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0
        nothing_was_obeyed(made)
    with open_workspace(tmp_path / "w") as workspace:
        (row,) = transcripts.listing(workspace)
        reply = list(transcripts.tree(workspace, row.id).by_id.values())[-1]
        assert reply.cut_off
        assert reply.text.startswith("empieza")
        assert len(reply.text) < 1_000_000


def test_a_refusal_in_hostile_words_is_one_harmless_line(tmp_path: Path) -> None:
    def refusing(_asked: dict[str, object]) -> Iterator[Chunk]:
        yield {"error": {"message": "no \x1b]0;t\x07\x1b[2J\u202e [red]x[/nope]", "code": "\x9b2J"}}

    with answering(refusing) as base_url, terminal(tmp_path / "w", base_url) as made:
        open_the_screen(made)
        made.type("hola", 0.1)
        os.write(made.descriptor, b"\r")
        made.until("⚠", 60)
        nothing_was_obeyed(made)
        made.type("\x1b", 0.3)
        made.type("q")
        assert os.waitstatus_to_exitcode(made.ended()) == 0
