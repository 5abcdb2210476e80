"""A migration is done or not begun, whenever the process dies; the file before it is kept."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from bench.store.faults import in_child
from core.problem import Problem
from core.store import backups, settings
from core.store.migrations import APPLICATION_ID, MIGRATIONS, Migration
from core.store.opening import open_store
from core.store.sqlite import sqlite3


def _fill(connection: sqlite3.Connection) -> None:
    connection.executemany("INSERT INTO second VALUES (?)", [(n,) for n in range(500)])


SECOND = Migration("a second one", ("CREATE TABLE second (x)", _fill, "CREATE INDEX second_x ON second (x)"))
THIRD = Migration(
    "a third", ("ALTER TABLE second ADD COLUMN y DEFAULT 7", "UPDATE second SET y = x", "DROP INDEX second_x")
)
LONGER = (*MIGRATIONS, SECOND, THIRD)
NOW = len(MIGRATIONS)


def die_at(folder: Path, step: int, steps: tuple[Migration, ...]) -> bool:
    """Open in a process that kills itself before statement `step`, counted over all; False when it got past it."""
    seen = 0

    def watch(_place: int) -> None:
        nonlocal seen
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    status = in_child(lambda: open_store(folder, steps=steps, on_step=watch).close())
    assert status in (0, signal.SIGKILL)
    return status != 0


def test_killed_between_any_two_statements_of_a_new_workspace_the_next_start_finishes(tmp_path: Path) -> None:
    step = 0
    while die_at(tmp_path / str(step), step, MIGRATIONS):
        with open_store(tmp_path / str(step)) as store:
            assert store.read("PRAGMA user_version") == [(len(MIGRATIONS),)]
            assert backups.check(store) == []
        step += 1
    assert step == sum(len(migration.steps) + 3 for migration in MIGRATIONS)


def test_killed_between_any_two_statements_of_later_ones_nothing_is_half_done(folder: Path) -> None:
    with open_store(folder) as store, store.write() as change:
        settings.put(change, "k", "v")
    step, versions = 0, set[int]()
    while die_at(folder, step, LONGER):
        outside = sqlite3.connect(folder / "sinsonte.db")
        version = outside.execute("PRAGMA user_version").fetchone()[0]
        tables = outside.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'second%' ORDER BY 1").fetchall()
        expected = {NOW: [], NOW + 1: [("second",), ("second_x",)], NOW + 2: [("second",)]}
        assert tables == expected[version]
        if version == NOW + 1:
            assert outside.execute("SELECT count(*) FROM second").fetchone() == (500,)
            # Go back, so that every later step is reached from the same start.
            outside.executescript(f"DROP TABLE second; PRAGMA user_version = {NOW}")
        outside.close()
        versions.add(version)
        step += 1
    assert versions == {NOW, NOW + 1}
    with open_store(folder, steps=LONGER) as store:
        assert store.read("SELECT count(*), sum(x = y) FROM second") == [(500, 500)]
        assert settings.get(store, "k") == "v"


def test_an_old_workspace_is_backed_up_before_and_only_the_newest_are_kept(folder: Path) -> None:
    steps = list(MIGRATIONS)
    open_store(folder).close()
    for number in range(7):
        steps.append(Migration("one more", (f"CREATE TABLE t{number} (x)",)))
        with open_store(folder, steps=steps) as store:
            assert store.read("PRAGMA user_version") == [(len(steps),)]
    kept = backups.list_backups(folder)
    assert len(kept) == backups.KEEP
    newest = sqlite3.connect(kept[0])
    assert newest.execute("PRAGMA user_version").fetchone() == (len(steps) - 1,)
    assert newest.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    newest.close()


def test_a_migration_that_fails_changes_nothing(folder: Path) -> None:
    open_store(folder).close()
    wrong = Migration("wrong", ("CREATE TABLE t (x)", "INSERT INTO nowhere VALUES (1)"))
    orphan = Migration("orphans", ("INSERT INTO names VALUES (1, 99, 'x', 98)",))
    for migration in (wrong, orphan):
        with pytest.raises(sqlite3.Error):
            open_store(folder, steps=(*MIGRATIONS, migration))
        with open_store(folder) as store:
            assert backups.check(store) == []


def test_a_newer_workspace_is_left_as_it_is(folder: Path) -> None:
    open_store(folder, steps=LONGER).close()
    before = (folder / "sinsonte.db").read_bytes()
    with pytest.raises(Problem, match="newer Sinsonte") as caught:
        open_store(folder)
    assert "Update" in caught.value.advice
    assert (folder / "sinsonte.db").read_bytes() == before


def test_tables_do_not_change_under_an_older_sinsonte(folder: Path) -> None:
    with open_store(folder), pytest.raises(Problem, match="still has it open"):
        open_store(folder, steps=LONGER)
    with open_store(folder, steps=LONGER), open_store(folder, steps=LONGER):
        pass
