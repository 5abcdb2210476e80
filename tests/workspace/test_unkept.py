"""A workspace that was made by being opened and in which nothing was kept is not left behind; everything else stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.commands import main
from core.problem import Problem
from core.settings import Settings
from core.workspace import chats, recipe, upkeep
from core.workspace.opening import Workspace, open_workspace
from tests.tui.hosts import an_export, until
from tests.workspace.conftest import export_with
from tui.app import Workbench

FAILING = {
    "none of the formats": b"x",
    "empty": b"",
    "binary": bytes(range(256)) * 20,
    "half a JSON": b'{"name": "Nico", "type": "personal_chat", "messages": [{"id": 1, "type": "mess',
    "a broken archive": b"PK\x03\x04" + b"\0" * 40,
    "dates in either order": b"".join(b"%d/%d/25, 10:0%d - Nico: hola\n" % (n, n + 1, n) for n in range(1, 9)),
}


def opened(folder: Path) -> Workspace:
    return open_workspace(folder, Settings(folder.parent / "none.toml"))


def names(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*")}


@pytest.mark.parametrize("why", FAILING)
def test_a_first_import_that_fails_leaves_nothing(why: str, tmp_path: Path) -> None:
    file = tmp_path / "chat.txt"
    file.write_bytes(FAILING[why])
    assert main(["--workspace", str(tmp_path / "deep" / "w"), "import", str(file)]) == 1
    assert names(tmp_path) == {"chat.txt"}


def test_neither_does_one_of_a_missing_file_a_folder_or_of_somebody_who_is_not_in_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    file = an_export(tmp_path)
    for words in (["none.txt"], ["folder"], [file.name, "--me", "Nadie"]):
        words[0] = str(tmp_path / words[0])
        assert main(["--workspace", str(tmp_path / "w"), "import", *words]) != 0
        assert names(tmp_path) == {"folder", file.name}, words


def test_a_folder_that_was_there_keeps_what_was_in_it_and_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "notes.txt").write_text("de antes")
    assert main(["--workspace", str(folder), "import", str(tmp_path / "none.txt")]) == 1
    assert names(folder) == {"sub", "notes.txt"}
    assert (folder / "notes.txt").read_text() == "de antes"


def test_an_empty_workspace_of_before_stays(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with opened(folder) as workspace:
        recipe.change(workspace, {"burst_window": "5m"})
    with opened(folder) as workspace, workspace.store.write() as change:
        change.execute("DELETE FROM settings")
    before = names(folder)
    assert main(["--workspace", str(folder), "import", str(tmp_path / "none.txt")]) == 1
    assert names(folder) == before >= {"sinsonte.db"}


def test_one_whose_database_was_lost_keeps_its_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with opened(folder) as workspace:
        recipe.change(workspace, {"burst_window": "5m"})
    (folder / "sinsonte.db").unlink()
    before = names(folder)
    opened(folder).close()
    assert names(folder) == before | {"sinsonte.db"}


def test_what_was_imported_stays_when_another_file_fails(tmp_path: Path) -> None:
    file = an_export(tmp_path)
    assert main(["--workspace", str(tmp_path / "w"), "import", str(file), str(tmp_path / "none.txt")]) == 1
    with opened(tmp_path / "w") as workspace:
        assert [one.messages for one in chats.listing(workspace)] == [6]


def test_a_setting_a_backup_or_a_file_of_a_run_is_something(tmp_path: Path) -> None:
    with opened(tmp_path / "set") as workspace:
        recipe.change(workspace, {"burst_window": "5m"})
    with opened(tmp_path / "backup") as workspace:
        upkeep.backup(workspace)
    with opened(tmp_path / "run") as workspace:
        (workspace.folder / "runs").mkdir()
    for name in ("set", "backup", "run"):
        assert (tmp_path / name / "sinsonte.db").exists(), name


def test_while_somebody_else_has_it_open_it_stays(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    first = opened(folder)
    second = opened(folder)
    first.close()
    with second, pytest.raises(Problem):
        chats.import_file(second, tmp_path / "none.txt")
    assert "sinsonte.db" in names(folder)


def test_the_workbench_leaves_nothing_after_an_import_that_failed(tmp_path: Path) -> None:
    import asyncio

    file = tmp_path / "chat.txt"
    file.write_bytes(FAILING["dates in either order"][:40] + b"\xff\xfe\0\0" * 40)

    async def go(workspace: Workspace) -> None:
        async with Workbench(workspace, workspace.settings).run_test(size=(100, 30)) as pilot:
            await until(pilot, "WhatsApp")
            pilot.app.screen._start([file])  # type: ignore[attr-defined]
            await until(pilot, "chat.txt: ")

    with opened(tmp_path / "w") as workspace:
        asyncio.run(go(workspace))
    assert names(tmp_path) == {"chat.txt"}


def test_those_who_come_while_it_is_taken_back_find_or_make_a_whole_one(tmp_path: Path) -> None:
    """Several processes on one new folder, most of which keep nothing: what one keeps is never lost."""
    code = (
        "import sys; from pathlib import Path\n"
        "from core.settings import Settings\n"
        "from core.store import settings\n"
        "from core.workspace.opening import open_workspace\n"
        "for line in sys.stdin:\n"
        "    folder, keep = line.split()\n"
        "    with open_workspace(Path(folder), Settings(Path(folder + '.toml'))) as one:\n"
        "        if keep != '-':\n"
        "            with one.store.write() as change:\n"
        "                settings.put(change, keep, 1)\n"
        "    print('done', flush=True)\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _n in range(3)
    ]
    for turn in range(40):
        for n, worker in enumerate(workers):
            assert worker.stdin
            worker.stdin.write(f"{tmp_path / str(turn)} {'kept' if n == turn % 3 else '-'}\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout
            assert worker.stdout.readline() == "done\n"
        with opened(tmp_path / str(turn)) as workspace:
            assert workspace.store.read("SELECT key FROM settings") == [("kept",)], turn
    for worker in workers:
        worker.communicate()


def test_a_folder_that_was_given_up_is_a_workspace_as_soon_as_something_is_in_it(tmp_path: Path) -> None:
    good = tmp_path / "good.txt"
    good.write_text(export_with(3), encoding="utf-8")
    for file, wanted in ((tmp_path / "none.txt", 1), (good, 0)):
        assert main(["--workspace", str(tmp_path / "w"), "import", str(file)]) == wanted
    assert {"sinsonte.db", "db.lock"} <= names(tmp_path / "w")
