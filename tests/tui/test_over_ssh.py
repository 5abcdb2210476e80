"""Over a real sshd and in tmux: every screen with 256 colours, with eight and with none; windows that change their size;
lines that break, terminals that close and kills in the middle of an edit. Nothing is lost and nothing is left running."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.workspace import chats, curation, recipe
from core.workspace.opening import open_workspace
from tests import third_party
from tests.cloud import server as provider
from tests.cloud.world import World
from tests.tui import ssh
from tests.tui.hosts import many, workspace_with
from tests.tui.terminal import Pty
from tests.tui.test_run_pictures import filled
from tests.tui.test_talk_pictures import SCREENS as TALKS
from tests.tui.test_talk_pictures import the_talk

ESC = "\x1b"
# Screen by screen: keys, and words that show that it is there.
WALK = (
    ("?", "list.down"), (ESC, "Nico"), ("\x10", "Go to: Runs"), (ESC, "Nico"),
    ("p", "2 people"), ("X", "Forget"), (ESC, "2 people"), (ESC, "From – to"),
    ("i", "tab open"), (ESC, "From – to"),
    ("2", "‹media›"), ("?", "messages.back"), (ESC, "‹media›"), ("f", "Show only"), (ESC, "‹media›"),
    ("/harina", "“harina”: 1"), ("\r", "harina"), (ESC, "‹media›"), ("\t", "‹media›"),
    ("\r", "16:06:40"), (ESC, "‹media›"),
    ("3", "persona"), ("v", "Recipe"), ("r", "deleted"), (ESC, "Recipe"), ("e", "y copy"), (ESC, "Recipe"),
    ("4", "uno"), ("\r", "y copy"), (ESC, "uno"), ("c", "not fit"), (ESC, "uno"),
    ("5", "200/200"), ("\r", "Log: everything"), ("\r", "event"), (ESC, "Log: everything"), (ESC, "200/200"),
    ("n", "lora_rank"), (ESC, "200/200"),
    ("6", "lab:ft-1"), ("?", "list.down"), (ESC, "lab:ft-1"),
    ("7", "A new talk"), (ESC, "A new talk"), ("o", "asado"), ("\r", "arranca"),
    ("p", "temperature"), (ESC, "nico"),
    ("8", "train.jsonl"), ("t", "models at lab"), ("?", "account.look"), (ESC, "models at lab"),
)  # fmt: skip
WINDOWS = ((40, 120), (18, 60), (24, 80))


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssh.Server]:
    with ssh.server(tmp_path_factory.mktemp("sshd") / "sshd") as running:
        yield running


class Tmux:
    """tmux with a server of its own, as one types it at the other end."""

    def __init__(self, folder: Path) -> None:
        self._words = [str(third_party.program("tmux")), "-S", str(folder / "tmux"), "-f", "/dev/null"]

    def new(self, command: str) -> str:
        """Begin a session with this command in it."""
        return self._line("new-session", "-s", "work", command, ";", "set", "-g", "status", "off")

    def attach(self) -> str:
        """Come back to it."""
        return self._line("attach")

    def kill(self) -> None:
        """End the server: the terminals in it go away."""
        subprocess.run([*self._words, "kill-server"], check=False, capture_output=True)

    def _line(self, *words: str) -> str:
        return shlex.join(["env", "LANG=C.UTF-8", *self._words, *words])


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    made = Tmux(tmp_path)
    yield made
    made.kill()


def shows(screen: Pty, words: str) -> None:
    """Wait until one of the words is there."""
    end = time.monotonic() + 60
    while not any(one in screen.text() for one in words.split("|")):
        if not screen.read(0.2) or time.monotonic() > end:
            raise AssertionError(f"“{words}” never came; the screen is:\n{screen.text()}")


@pytest.fixture
def rich(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with something to show on all eight screens."""
    world = World(now=int(time.time()) - 300_000)
    world.add_file("train.jsonl", b"x" * 3000, "fine-tune")
    world.add_model("ft:lab-base:org-tests:nico:0001", "org-tests")
    with filled(tmp_path / "w") as workspace:
        recipe.change(workspace, {"persona": "Nico", "near_duplicates": "keep"})
        the_talk(workspace, TALKS["talk"][0], tmp_path)
    with provider.running(world) as running:
        (tmp_path / "config.toml").write_text(
            f'[endpoints.lab]\nbase_url = "{running.url}"\napi_key_env = "LAB_KEY"\n', encoding="utf-8"
        )
        monkeypatch.setenv("LAB_KEY", running.key)
        yield tmp_path / "w"


@pytest.mark.parametrize(
    ("terminal", "environment"),
    [("xterm-256color", {}), ("xterm", {}), ("xterm-256color", {"NO_COLOR": "1"})],
    ids=["256 colours", "eight colours", "no colours"],
)
def test_every_screen_is_walked_by_keys_and_in_windows_that_change(
    at: ssh.Server, tmux: Tmux, rich: Path, terminal: str, environment: dict[str, str]
) -> None:
    command = ssh.workbench(rich, LAB_KEY=os.environ["LAB_KEY"], **environment)
    with ssh.session(at, tmux.new(command), terminal) as screen:
        screen.until("From – to")
        for number, (keys, words) in enumerate(WALK):
            screen.type(keys, 0.05)
            shows(screen, words)
            readable(screen, terminal, environment)
            if len(keys) == 1 and keys.isdigit():
                for window in (WINDOWS[number % 2], WINDOWS[2]):
                    screen.resize(window)
                    screen.type("", 0.1)
                    shows(screen, words)
                    readable(screen, terminal, environment)
        screen.type("1q")
        assert os.waitstatus_to_exitcode(screen.ended()) == 0
    ssh.until_none(rich)
    assert not (rich / "logs").exists()


def readable(screen: Pty, terminal: str, environment: dict[str, str]) -> None:
    """No more colours than the terminal has, and no words in the colour of their ground, once all of it is painted."""
    end = time.monotonic() + 60
    while (wrong := unreadable(screen, terminal, environment)) and time.monotonic() < end:
        screen.read(0.1)
    assert not wrong, screen.text()


def unreadable(screen: Pty, terminal: str, environment: dict[str, str]) -> set[tuple[str, str]]:
    """The pairs of ink and ground that may not be."""
    colours = screen.colours()
    if environment:
        return {pair for pair in colours if pair != ("default", "default")}
    if terminal == "xterm":
        wrong = {pair for pair in colours if re.search("[0-9a-f]{6}", " ".join(pair))}
    else:
        wrong = set[tuple[str, str]]() if len(colours) > 3 else colours
    if "╭" not in screen.text():  # what lies under a dialog is dimmed, and some of it away
        wrong |= {pair for pair in colours if pair[0] == pair[1] != "default"}
    return wrong


# Ends in the middle of an edit: name -> what is done to whom.
def _line_breaks(screen: ssh.Session, _folder: Path, _tmux: Tmux) -> None:
    os.kill(screen.pid, signal.SIGKILL)


def _terminal_closes(_screen: ssh.Session, _folder: Path, tmux: Tmux) -> None:
    tmux.kill()


def _killed(_screen: ssh.Session, folder: Path, _tmux: Tmux) -> None:
    (workbench,) = ssh.workbenches(folder)
    os.kill(workbench, signal.SIGKILL)


End = Callable[[ssh.Session, Path, Tmux], None]


@pytest.mark.parametrize(
    ("end", "in_tmux"),
    [(_line_breaks, False), (_terminal_closes, True), (_killed, True), (_killed, False)],
    ids=["the line breaks", "the terminal closes", "killed in tmux", "killed"],
)
def test_the_end_in_the_middle_of_an_edit_loses_nothing_and_leaves_nothing(
    at: ssh.Server, tmux: Tmux, tmp_path: Path, end: End, in_tmux: bool
) -> None:
    folder = tmp_path / "w"
    workspace_with(folder, ("Nico", many(300))).close()
    command = ssh.workbench(folder)
    with ssh.session(at, tmux.new(command) if in_tmux else command) as screen:
        half_an_edit(screen)
        with open_workspace(folder) as watching:
            uid = chats.transcript(watching, 1).rows(1, 1)[0].uid
            while curation.draft_of(watching, uid) is None:  # half a second after the last key
                screen.read(0.1)
        end(screen, folder, tmux)
        screen.ended()
    ssh.until_none(folder)
    with open_workspace(folder) as workspace:
        assert [act.label for act in curation.history(workspace)] == ["drop 1 message"]
        assert workspace.store.read("PRAGMA integrity_check")[0][0] == "ok"
    with ssh.session(at, command) as screen:
        goes_on(screen)
        screen.type("1q")
        assert os.waitstatus_to_exitcode(screen.ended()) == 0
    ssh.until_none(folder)


def half_an_edit(screen: Pty) -> None:
    screen.until("300 messages")
    screen.type("\rgde y más")
    screen.until("mensaje 1 y más")


def goes_on(screen: Pty) -> None:
    """Open the chat again and save the edit that was broken off."""
    screen.until("300 messages")
    screen.type("2")
    screen.until("mensaje 1")
    screen.type("e", 0.3)
    screen.until("A draft of yours.")
    screen.until("mensaje 1 y más")
    screen.type("\r")
    screen.until("Saved: edit 1 message")


def test_a_broken_line_leaves_tmux_with_the_edit_and_one_comes_back_to_it(
    at: ssh.Server, tmux: Tmux, tmp_path: Path
) -> None:
    folder = tmp_path / "w"
    workspace_with(folder, ("Nico", many(300))).close()
    with ssh.session(at, tmux.new(ssh.workbench(folder))) as screen:
        half_an_edit(screen)
        _line_breaks(screen, folder, tmux)
        screen.ended()
    with ssh.session(at, tmux.attach()) as screen:
        screen.resize((30, 90))
        screen.until("mensaje 1 y más")
        screen.type(" todavía\r")
        screen.until("Saved: edit 1 message")
        screen.type("q")
        assert os.waitstatus_to_exitcode(screen.ended()) == 0
    ssh.until_none(folder)
    with open_workspace(folder) as workspace:
        assert chats.transcript(workspace, 1).rows(1, 1)[0].text == "mensaje 1 y más todavía"
