"""A model is loaded once, however many terminals want it and whichever of them leaves: from the first moment on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from core.chatting import serving
from core.chatting.loading import Loading
from core.problem import Problem
from tests import tiny

pytestmark = pytest.mark.timeout(400)

START = (
    "import sys; from core.chatting import serving; serving.start(__import__('pathlib').Path(sys.argv[1]), sys.argv[2])"
)
SERVE = """
import os, sys
from pathlib import Path
from core.chatting import serving
from core.training.backends import local
folder, base = Path(sys.argv[1]), sys.argv[2]
place = serving.place_for(folder, base)
path = serving.socket_for(place)
assert serving.claim(place, path, base, Path(base).name, {})
assert not serving.claim(place, path, base, Path(base).name, {})
words = local.command("serve", "--socket", str(path), "--base", base, "--name", Path(base).name, "--plain")
os.execve(words[0], words, local.environment())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:  # short enough for a socket
        yield Path(place)
        serving.stop_servers(Path(place))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


class Waiter:
    """Somebody who waits for the model, and may give up."""

    def __init__(self, pool: ThreadPoolExecutor, folder: Path) -> None:
        self.told: list[Loading] = []
        self.waits = threading.Event()
        self.leaves = threading.Event()
        self.server: Future[serving.Server] = pool.submit(
            serving.start, folder, tiny.tuned().base, stop=self.leaves.is_set, tell=self._tell
        )

    def _tell(self, loading: Loading) -> None:
        self.told.append(loading)
        self.waits.set()

    @property
    def elsewhere(self) -> bool:
        return self.told[-1].elsewhere


def process(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", *words], cwd=Path(__file__).parents[2])


def loader(folder: Path) -> int:
    """The number of the process that loads, once there is one."""
    record = serving.place_for(folder, tiny.tuned().base) / serving.FILE
    until(record.exists)
    return int(json.loads(record.read_bytes())["process"]["pid"])


def until(there: Callable[[], bool]) -> None:
    """Wait; the test's own limit says so when it never comes."""
    while not there():
        threading.Event().wait(0.01)


def test_three_who_want_it_at_once_get_one_server(folder: Path, pool: ThreadPoolExecutor) -> None:
    waiters = [Waiter(pool, folder) for _one in range(3)]
    assert len({one.server.result().process for one in waiters}) == 1
    assert [one.elsewhere for one in waiters].count(False) == 1, "one loads, the others are told that it is loaded"
    assert all(one.told[-1].seconds > 0 and one.told[-1].resident > 0 for one in waiters)


def test_one_that_is_served_in_the_foreground_is_waited_for_while_it_loads(
    folder: Path, pool: ThreadPoolExecutor
) -> None:
    with process(SERVE, str(folder), str(tiny.tuned().base)) as served:
        assert loader(folder) == served.pid
        one = Waiter(pool, folder)
        assert one.server.result().process.pid == served.pid
        assert one.elsewhere
        served.send_signal(signal.SIGINT)
    assert served.returncode == 0


def test_a_terminal_that_is_killed_leaves_its_load_to_those_who_wait(folder: Path, pool: ThreadPoolExecutor) -> None:
    with process(START, str(folder), str(tiny.tuned().base)) as terminal:
        pid = loader(folder)
        one = Waiter(pool, folder)
        one.waits.wait()
        terminal.kill()
    assert one.server.result().process.pid == pid


def test_a_loader_that_is_killed_lets_the_next_one_load(folder: Path, pool: ThreadPoolExecutor) -> None:
    first = Waiter(pool, folder)
    first.waits.wait()
    second = Waiter(pool, folder)
    second.waits.wait()
    pid = loader(folder)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Problem, match="ended the model server"):
        first.server.result()
    assert second.server.result().process.pid != pid


def test_who_gives_up_ends_the_load_unless_another_waits_for_it(folder: Path, pool: ThreadPoolExecutor) -> None:
    first = Waiter(pool, folder)
    first.waits.wait()
    pid = loader(folder)
    others = [Waiter(pool, folder) for _one in range(2)]
    for one in others:
        one.waits.wait()
    others[0].leaves.set()
    with pytest.raises(Problem):
        others[0].server.result()
    first.leaves.set()
    with pytest.raises(Problem):
        first.server.result()
    assert others[1].server.result().process.pid == pid
    serving.stop_servers(folder)
    alone = Waiter(pool, folder)
    alone.waits.wait()
    pid = loader(folder)
    alone.leaves.set()
    with pytest.raises(Problem):
        alone.server.result()
    assert not Path(f"/proc/{pid}").exists(), "no process is left behind"
    assert serving.stop_servers(folder) == 0


def test_a_base_that_cannot_be_loaded_is_told_to_all_who_wait(folder: Path, pool: ThreadPoolExecutor) -> None:
    broken = folder / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    told = [pool.submit(serving.start, folder, broken) for _one in range(2)]
    said = set[str]()
    for one in told:
        with pytest.raises(Problem) as caught:
            one.result()
        said.add(str(caught.value))
    assert len(said) == 1
