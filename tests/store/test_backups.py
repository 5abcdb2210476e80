"""A backup is whole, private and restorable; a check finds what is wrong."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from bench.store.faults import in_child, sound_workspace
from core.problem import Problem
from core.store import backups, chats, searching, settings
from core.store.connection import Store
from core.store.opening import open_store
from core.store.sqlite import sqlite3


def set_to(folder: Path, value: int) -> None:
    with open_store(folder) as store, store.write() as change:
        settings.put(change, "k", value)


def value_in(folder: Path) -> object:
    with open_store(folder) as store:
        assert backups.check(store) == []
        return settings.get(store, "k")


def test_a_backup_is_restored_and_the_replaced_database_is_kept(folder: Path) -> None:
    set_to(folder, 1)
    with open_store(folder) as store:
        made = backups.backup(store)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    set_to(folder, 2)
    kept = backups.restore(folder, made)
    assert value_in(folder) == 1
    assert kept
    backups.restore(folder, kept)
    assert value_in(folder) == 2
    assert made in backups.list_backups(folder)


def test_a_backup_goes_where_it_is_asked_for_and_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copia.db"
    assert backups.backup(store, target) == target
    before = target.read_bytes()
    with pytest.raises(Problem, match="exists already"):
        backups.backup(store, target)
    assert target.read_bytes() == before
    with pytest.raises(Problem):
        backups.backup(store, tmp_path / "nowhere" / "copia.db")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_the_newest_of_each_sort_are_kept(store: Store) -> None:
    made = [backups.backup(store) for _ in range(backups.KEEP + 2)]
    other = backups.backup(store, sort=backups.DESTRUCTIVE)
    assert set(backups.list_backups(store.folder)) == {*made[2:], other}


def test_nothing_is_restored_under_an_open_workspace(folder: Path) -> None:
    with open_store(folder) as store:
        made = backups.backup(store)
        with pytest.raises(Problem, match="is open"):
            backups.restore(folder, made)


@pytest.mark.parametrize("content", [b"", b"not a database" * 99, "cut", "foreign", "newer"])
def test_only_a_whole_backup_of_ours_is_restored(folder: Path, tmp_path: Path, content: bytes | str) -> None:
    set_to(folder, 1)
    wrong = tmp_path / "wrong.db"
    if isinstance(content, bytes):
        wrong.write_bytes(content)
    else:
        with open_store(folder) as store:
            backups.backup(store, wrong)
        if content == "cut":
            wrong.write_bytes(wrong.read_bytes()[:20_000])
        else:
            outside = sqlite3.connect(wrong)
            outside.execute("PRAGMA application_id = 7" if content == "foreign" else "PRAGMA user_version = 999")
            outside.close()
    with pytest.raises(Problem, match="nothing was changed"):
        backups.restore(folder, wrong)
    with pytest.raises(Problem, match="no such backup"):
        backups.restore(folder, tmp_path / "missing.db")
    assert value_in(folder) == 1
    assert backups.list_backups(folder) == []


def test_a_damaged_database_is_restored_from_its_backup(folder: Path) -> None:
    sound_workspace(folder)
    with open_store(folder) as store:
        made = backups.backup(store)
    (folder / "sinsonte.db").write_bytes(os.urandom(50_000))
    (folder / "sinsonte.db-wal").write_bytes(os.urandom(5_000))
    backups.restore(folder, made)
    with open_store(folder) as store:
        assert backups.check(store) == []
        assert chats.all_chats(store)[0].messages == 120


def test_killed_at_any_moment_of_a_restore_one_of_both_is_in_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to(folder, 1)
    with open_store(folder) as store:
        made = backups.backup(store)
    set_to(folder, 2)
    outcomes, step = set[object](), 0
    for step in range(60):

        def die_at(step: int = step) -> None:
            seen = 0

            def counted(original):  # type: ignore[no-untyped-def]
                def call(*args, **kwargs):  # type: ignore[no-untyped-def]
                    nonlocal seen
                    if seen == step:
                        os.kill(os.getpid(), signal.SIGKILL)
                    seen += 1
                    return original(*args, **kwargs)

                return call

            for name in ("rename", "unlink", "hardlink_to", "mkdir", "exists"):
                setattr(Path, name, counted(getattr(Path, name)))
            os.fsync = counted(os.fsync)
            backups.restore(folder, made)

        status = in_child(die_at)
        value = value_in(folder)
        outcomes.add(value)
        assert value in (1, 2)
        if status == 0:
            break
        set_to(folder, 2)
    assert outcomes == {1, 2}
    assert step > 5


def test_the_check_finds_gaps_missing_names_and_a_search_index_gone_astray(folder: Path) -> None:
    sound_workspace(folder)
    with open_store(folder) as store:
        assert backups.check(store) == []
        with store.write() as change:
            change.execute("INSERT INTO messages_fts (messages_fts) VALUES ('delete-all')")
        assert len(backups.check(store)) == 1
        backups.rebuild_search(store)
        assert backups.check(store) == []
        with store.write() as change:
            change.execute("UPDATE messages SET place = 1000 WHERE place = 7")
            change.execute("UPDATE messages SET name_id = 1000 WHERE place = 8")
        assert len(backups.check(store)) == 2
        assert len(searching.search(store, "numero")) == 120
