"""Killed writers, full disks and wrong bytes: nothing acknowledged is lost, and a Problem is all that comes out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.store import faults
from core.problem import Problem
from core.store import backups, settings
from core.store.connection import Store
from core.store.opening import open_store


def test_killed_writers_lose_nothing_that_was_acknowledged(folder: Path) -> None:
    kills, acknowledged = faults.kill_writers(folder, seconds=3)
    assert kills >= 4
    assert acknowledged > 20


def _all_there(folder: Path, count: int) -> None:
    with open_store(folder) as store:
        kept = settings.all_settings(store)
        assert {f"row-{n}" for n in range(count)} <= kept.keys()
        assert backups.check(store) == []


def _write_until_files_may_not_grow(folder: Path, told: Path) -> int:
    """What needs no right to mount: every file ends at 2 MB, for a child alone."""

    def work() -> None:
        faults.limit_files(2 << 20)
        count, problem = faults.write_until_problem(folder)
        told.write_text(f"{count}\n{problem}")

    assert faults.in_child(work) == 0
    return int(told.read_text().splitlines()[0])


def test_where_files_may_not_grow_nothing_is_lost(folder: Path, tmp_path: Path) -> None:
    open_store(folder).close()
    count = _write_until_files_may_not_grow(folder, tmp_path / "told")
    assert count > 0
    _all_there(folder, count)


def test_on_a_full_disk_nothing_is_lost_and_small_things_can_still_be_done(tmp_path: Path) -> None:
    with faults.small_disk(tmp_path / "disk") as mounted:
        folder = tmp_path / "disk" / "w"
        ballast = tmp_path / "disk" / "ballast"
        open_store(folder).close()
        if mounted:
            assert (folder / "reserve").exists()
            faults.fill(ballast, leave=3 << 20)
            count, problem = faults.write_until_problem(folder)
            assert "disk is full" in problem.what
            assert not (folder / "reserve").exists()
        else:
            count = _write_until_files_may_not_grow(folder, tmp_path / "told")
        assert count > 0
        _all_there(folder, count)
        with open_store(folder) as store, store.write() as change:
            settings.put(change, "language", "es")
        with open_store(folder) as store:
            assert settings.get(store, "language") == "es"
        if mounted:
            faults.fill(ballast, leave=0)
            with pytest.raises(Problem, match="disk is full"):
                open_store(tmp_path / "disk" / "another")
            with pytest.raises(Problem, match="disk is full"), open_store(folder) as store:
                backups.backup(store)
            ballast.unlink()
            _all_there(folder, count)
            assert (folder / "reserve").exists()


def test_a_full_database_is_told_and_rolled_back_and_the_reserve_released(store: Store) -> None:
    pages = store.read("PRAGMA page_count")[0][0]
    with store.write() as change:
        settings.put(change, "before", 1)
    store.connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(Problem, match="disk is full"), store.write() as change:
        settings.put(change, "small", 1)
        settings.put(change, "big", "x" * 100_000)
    assert not (store.folder / "reserve").exists()
    assert settings.all_settings(store) == {"before": 1}
    with store.write() as change:
        settings.put(change, "after", 1)
    assert backups.check(store) == []


def test_a_file_cut_off_anywhere_is_a_problem(tmp_path: Path) -> None:
    faults.sound_workspace(tmp_path / "sound")
    original = (tmp_path / "sound" / "sinsonte.db").read_bytes()
    cuts = [original[:at] for at in range(512, len(original), 512)]
    assert faults.survive_damage(tmp_path, cuts) == {"sound": 0, "check": 0, "problem": len(cuts)}


def test_wrong_bytes_are_found_or_harmless(tmp_path: Path) -> None:
    faults.sound_workspace(tmp_path / "sound")
    original = (tmp_path / "sound" / "sinsonte.db").read_bytes()
    draw = random.Random(20261121)
    ended = faults.survive_damage(tmp_path, [faults.damage(original, draw) for _ in range(250)])
    assert ended["problem"] and ended["check"] and ended["sound"]


def test_every_byte_of_the_header_may_be_wrong(tmp_path: Path) -> None:
    faults.sound_workspace(tmp_path / "sound")
    original = (tmp_path / "sound" / "sinsonte.db").read_bytes()
    wrong = [original[:at] + bytes([original[at] ^ by]) + original[at + 1 :] for at in range(100) for by in (1, 255)]
    ended = faults.survive_damage(tmp_path, wrong)
    assert ended["problem"] and ended["sound"]


def test_text_that_is_no_text_is_told_without_showing_it(folder: Path) -> None:
    faults.sound_workspace(folder)
    path = folder / "sinsonte.db"
    content = path.read_bytes()
    secret = faults.SECRET.encode()
    assert content.count(secret) >= 120
    path.write_bytes(content.replace(secret + b" n\xc3\xba", secret + b" n\xff\xba"))
    with open_store(folder) as store:
        assert backups.check(store)
        with pytest.raises(Problem) as caught:
            store.read("SELECT text FROM messages")
        assert faults.SECRET not in f"{caught.value}{caught.value.__cause__}"
        assert caught.value.__suppress_context__
