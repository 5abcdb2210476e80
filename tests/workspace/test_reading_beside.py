"""A big export is read by a process beside: what comes of it is what comes of reading it here, whatever goes wrong."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.reading.generator import generate
from core import language
from core.problem import Misuse, Problem
from core.reading import ImportReport
from core.settings import Settings
from core.workspace import chats, reading_beside
from core.workspace.opening import Workspace, open_workspace
from tests.workspace.test_counting import is_gone

HERE = 1 << 60


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_beside, "LARGE", 1)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[Any]]:
    """The processes that were started."""
    started: list[subprocess.Popen[Any]] = []
    popen = subprocess.Popen

    def noting(*given: Any, **more: Any) -> subprocess.Popen[Any]:
        started.append(popen(*given, **more))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noting)
    return started


def everything(workspace: Workspace) -> list[list[tuple[Any, ...]]]:
    tables = ("messages", "names", "participants", "signs")
    said = [
        [tuple(cell for cell in row) for row in workspace.store.read(f"SELECT * FROM {table} ORDER BY 1")]
        for table in tables
    ]
    return [*said, workspace.store.read("SELECT platform, title FROM chats ORDER BY id")]


def told(report: ImportReport) -> dict[str, Any]:
    return {key: value for key, value in report.as_json().items() if key != "seconds"}


def test_it_finds_what_is_found_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = random.randrange(10**6)
    content, truth = generate("ios-es", 20_000, seed)
    file = tmp_path / "Chat de WhatsApp con Meli.txt"
    file.write_bytes(content)
    found: list[Any] = []
    for large in (HERE, 1):
        monkeypatch.setattr(reading_beside, "LARGE", large)
        progress: list[tuple[int, int, int]] = []
        watched: list[ImportReport] = []
        shown: list[int] = []

        def tick(*so_far: int, progress: Any = progress, watched: Any = watched, shown: Any = shown) -> None:
            progress.append(so_far)
            shown.append(watched[0].messages)

        with open_workspace(tmp_path / str(large), Settings(tmp_path / "none.toml")) as workspace:
            report = chats.import_file(workspace, file, date_order="dmy", progress=tick, watch=watched.append)
            # The chat's key, and so the ids of messages, differ from workspace to workspace.
            messages, *rest = everything(workspace)
            found.append((told(report), [(*row[:1], *row[2:]) for row in messages], rest))
        assert progress == sorted(progress)
        assert progress[-1] == (len(content), len(content), len(truth)), seed
        assert watched == [report]
        assert shown == [messages for _done, _all, messages in progress]
    assert found[0] == found[1], seed


def test_a_small_export_is_read_here(empty: Workspace, export: Path, readers: list[subprocess.Popen[Any]]) -> None:
    assert chats.import_file(empty, export).added == 201
    assert readers == []


def test_a_json_export_and_an_archive_come_the_same_way(
    empty: Workspace, tmp_path: Path, beside: None, readers: list[Any]
) -> None:
    import zipfile

    content, truth = generate("ios-es", 200, 5)
    file = tmp_path / "WhatsApp Chat - Meli.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("_chat.txt", content)
    report = chats.import_file(empty, file, date_order="dmy")
    assert report.added == len(truth)
    rows = tmp_path / "charla.jsonl"
    rows.write_text(
        '{"messages": [{"role": "user", "content": "hola"}, {"role": "assistant", "content": "¿qué hacés?"}]}\n'
    )
    assert chats.import_file(empty, rows).added == 2
    assert len(readers) == 2


def test_the_order_of_dates_is_asked_for_as_here(empty: Workspace, tmp_path: Path, beside: None) -> None:
    file = tmp_path / "chat.txt"
    file.write_text("03/04/2024, 10:00 - Ana: hola\n03/04/2024, 10:01 - Beto: ¿qué hacés?\n")
    with pytest.raises(Problem) as caught:
        chats.import_file(empty, file)
    assert chats.date_readings(caught.value) == [("dmy", "2024-04-03"), ("mdy", "2024-03-04")]
    assert "--date-order" in str(caught.value)
    assert chats.listing(empty) == []
    with pytest.raises(Misuse, match="Ana"):
        chats.import_file(empty, file, date_order="dmy", me="Caro")
    assert chats.listing(empty) == []


def test_its_words_are_in_the_language_of_who_imports(empty: Workspace, tmp_path: Path, beside: None) -> None:
    file = tmp_path / "nada.txt"
    file.write_bytes(b"\x00\x01\x02binary\x00" * 100)
    before = language.chosen()
    try:
        language.choose("es")
        with pytest.raises(Problem, match="archivo binario"):
            chats.import_file(empty, file)
    finally:
        language.choose(before)


def test_cancelled_it_ends_and_nothing_is_kept(
    empty: Workspace, export: Path, beside: None, readers: list[subprocess.Popen[Any]]
) -> None:
    with pytest.raises(chats.Cancelled):
        chats.import_file(empty, export, cancelled=lambda: True)
    assert [one.poll() is not None for one in readers] == [True]
    assert chats.listing(empty) == []


@pytest.mark.parametrize("large", [HERE, 1])
def test_it_is_cancelled_before_the_first_message_comes(
    empty: Workspace, export: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(reading_beside, "LARGE", large)
    content, _truth = generate("ios-es", 60_000, 3)
    export.write_bytes(content)
    told: list[tuple[int, int, int]] = []
    with pytest.raises(chats.Cancelled):
        chats.import_file(
            empty,
            export,
            date_order="dmy",
            progress=lambda *so_far: told.append(so_far),
            cancelled=lambda: bool(told),
        )
    assert [messages for _done, _all, messages in told] == [0]
    assert chats.listing(empty) == []


def test_killed_while_it_reads_it_is_one_plain_line_and_nothing_is_kept(
    empty: Workspace, export: Path, beside: None, readers: list[subprocess.Popen[Any]]
) -> None:
    def kill(_done: int, _all: int, _messages: int) -> None:
        os.kill(readers[0].pid, signal.SIGKILL)
        readers[0].wait()

    content, _truth = generate("ios-es", 60_000, 3)
    export.write_bytes(content)
    with pytest.raises(Problem) as caught:
        chats.import_file(empty, export, date_order="dmy", progress=kill)
    assert "\n" not in str(caught.value)
    assert export.name in str(caught.value)
    assert chats.listing(empty) == []


def test_what_telling_of_progress_raises_is_not_taken_for_the_end_of_the_process(
    empty: Workspace, export: Path, beside: None
) -> None:
    def closed(_done: int, _all: int, _messages: int) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        chats.import_file(empty, export, progress=closed)
    assert chats.listing(empty) == []


def test_a_name_that_is_no_utf8_is_told_as_it_is_elsewhere(empty: Workspace, export: Path, beside: None) -> None:
    odd = Path(os.fsdecode(os.fsencode(export.parent) + b"/chat-\xff.txt"))
    watched: list[ImportReport] = []
    odd.write_bytes(export.read_bytes())
    report = chats.import_file(empty, odd, watch=lambda one: watched.append(one.so_far()))
    assert (report.file, watched[0].file, report.added) == ("chat-�.txt", "chat-�.txt", 201)


def test_an_error_that_nobody_foresaw_says_nothing_of_the_chat(
    empty: Workspace, export: Path, beside: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A folder of catalogues whose reading fails in the process beside, and only there.
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'core.workspace.reading_process' in sys.orig_argv:\n"
        "    import core.reading.reading as reading\n"
        "    def fail(*given, **more): raise KeyError('mi secreto')\n"
        "    reading.find_encoding = fail\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(Problem, match="KeyError") as caught:
        chats.import_file(empty, export)
    log = empty.folder / "logs" / "errors.log"
    assert "secreto" not in str(caught.value) + log.read_text()
    assert "in fail" in log.read_text()


def test_it_ends_with_the_one_who_imports(tmp_path: Path) -> None:
    content, _truth = generate("ios-es", 60_000, 3)
    file = tmp_path / "chat.txt"
    file.write_bytes(content)
    importing = (
        "import sys, os, signal, subprocess\n"
        "from pathlib import Path\n"
        "from core.workspace import chats, reading_beside\n"
        "from core.workspace.opening import open_workspace\n"
        "reading_beside.LARGE = 1\n"
        "popen = subprocess.Popen\n"
        "def noting(*given, **more):\n"
        "    made = popen(*given, **more)\n"
        "    print(made.pid, flush=True)\n"
        "    return made\n"
        "subprocess.Popen = noting\n"
        "def die(*so_far): os.kill(os.getpid(), signal.SIGKILL)\n"
        "with open_workspace(Path(sys.argv[1])) as workspace:\n"
        "    chats.import_file(workspace, Path(sys.argv[2]), date_order='dmy', progress=die)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", importing, str(tmp_path / "workspace"), str(file)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert is_gone(int(done.stdout))
    with open_workspace(tmp_path / "workspace") as workspace:
        assert chats.listing(workspace) == []


def test_no_key_reaches_it(empty: Workspace, export: Path, beside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    given: list[dict[str, str]] = []
    popen: Callable[..., Any] = subprocess.Popen

    def noting(*command: Any, **more: Any) -> Any:
        given.append(more["env"])
        return popen(*command, **more)

    monkeypatch.setattr(subprocess, "Popen", noting)
    chats.import_file(empty, export)
    assert "sk-secret" not in given[0].values()
