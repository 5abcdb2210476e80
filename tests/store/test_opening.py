"""A workspace opens whole, private and once, or one plain Problem says why not."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from bench.store.faults import in_child, open_together
from core.chat import Chat, Kind, Message
from core.problem import Problem
from core.store import backups, chats, intake, lease, messages, settings
from core.store.connection import Store
from core.store.filesystem import CAREFUL, LOCAL, Journal, file_system, journal_for
from core.store.opening import RESERVE_SIZE, open_store
from core.store.sqlite import sqlite3

NETWORK = Journal("truncate", "FULL", "nfs4")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_in_a_new_workspace_is_private_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        with open_store(folder / "a" / "b") as store:
            with store.write() as change:
                settings.put(change, "x", 1)
            backups.backup(store)
            paths = [store.folder, *store.folder.rglob("*")]
            assert {"sinsonte.db", "sinsonte.db-wal", "sinsonte.db-shm", "db.lock", "reserve"} <= {
                p.name for p in paths
            }
            assert {mode(p) for p in paths if p.is_dir()} == {0o700}
            assert {mode(p) for p in paths if p.is_file()} == {0o600}
    finally:
        os.umask(before)


def test_a_database_that_others_could_read_is_made_private(folder: Path) -> None:
    open_store(folder).close()
    (folder / "sinsonte.db").chmod(0o644)
    open_store(folder).close()
    assert mode(folder / "sinsonte.db") == 0o600


def test_an_existing_folder_keeps_its_mode(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    open_store(folder).close()
    assert mode(folder) == 0o755


def test_the_settings_of_every_connection(store: Store) -> None:
    def seen() -> list[object]:
        names = ("journal_mode", "foreign_keys", "synchronous", "trusted_schema", "query_only", "busy_timeout")
        return [store.read(f"PRAGMA {name}")[0][0] for name in names]

    assert seen() == ["wal", 1, 1, 0, 1, 10_000]
    elsewhere: list[object] = []
    thread = threading.Thread(target=lambda: elsewhere.extend(seen()))
    thread.start()
    thread.join()
    assert elsewhere == seen()


def test_the_driver_is_the_one_that_sqlite_utils_takes(store: Store) -> None:
    from sqlite_utils import utils

    assert utils.sqlite3.connect is sqlite3.connect  # pyright: ignore[reportPrivateImportUsage]
    with store.write():
        store.db.table("settings").insert({"key": "k", "value": "1"})
    assert settings.get(store, "k") == 1
    assert store.db["settings"].count == 1


def test_opening_does_not_import_what_the_first_screen_need_not_wait_for(folder: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from core.store.opening import open_store\n"
        f"open_store(Path({str(folder)!r})).close()\n"
        "print([m for m in ('numpy', 'sqlite_utils', 'textual') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_three_processes_open_a_new_workspace_together(tmp_path: Path) -> None:
    done, complaints = open_together(tmp_path, rounds=30)
    assert (done, complaints) == (90, [])
    with open_store(tmp_path / "7") as store:
        assert len(settings.all_settings(store)) == 3


def test_readers_in_other_threads_see_what_is_committed_and_no_more(store: Store) -> None:
    seen: list[object] = []
    wrote, looked = threading.Event(), threading.Event()

    def read() -> None:
        wrote.wait(10)
        seen.append(settings.get(store, "k"))
        looked.set()

    thread = threading.Thread(target=read)
    thread.start()
    with store.write() as change:
        settings.put(change, "k", 1)
        wrote.set()
        assert looked.wait(10)
        assert settings.get(change, "k") == settings.get(store, "k") == 1
    thread.join()
    assert seen == [None]


def test_writers_in_threads_take_turns(store: Store) -> None:
    def count() -> None:
        for _ in range(50):
            with store.write() as change:
                settings.put(change, "n", settings.get(change, "n", 0) + 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert settings.get(store, "n") == 200


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(KeyError), store.write() as change:
        settings.put(change, "k", 1)
        raise KeyError
    assert settings.all_settings(store) == {}
    with store.write() as change:
        settings.put(change, "k", 2)
    assert settings.get(store, "k") == 2


def test_a_write_within_a_write_is_a_mistake(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write(), store.write():
        pass
    with store.write() as change:
        settings.put(change, "k", 1)


def test_a_write_outside_a_transaction_is_refused(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.connection.execute("DELETE FROM settings")


def test_a_writer_that_never_ends_is_told_of(folder: Path, store: Store) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.connection.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(Problem, match="writing for too long"), store.write(patience=0.2):
        pass
    other.execute("ROLLBACK")
    other.close()
    with store.write() as change:
        settings.put(change, "k", 1)


def test_others_commits_change_the_data_version(folder: Path, store: Store) -> None:
    before = store.data_version()
    assert store.data_version() == before
    with open_store(folder) as other, other.write() as change:
        settings.put(change, "k", 1)
    assert store.data_version() != before


def test_no_workspace_is_made_unless_asked(folder: Path) -> None:
    with pytest.raises(Problem, match="no workspace"):
        open_store(folder, create=False)
    assert not folder.exists()
    folder.mkdir()
    with pytest.raises(Problem, match="no workspace"):
        open_store(folder, create=False)
    assert not (folder / "sinsonte.db").exists()


@pytest.mark.parametrize("name", ["file", "file/below", "x" * 300, "nul\0"])
def test_what_cannot_be_a_folder_is_a_plain_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("hola")
    with pytest.raises(Problem) as caught:
        open_store(tmp_path / name)
    assert caught.value.advice
    assert (tmp_path / "file").read_text() == "hola"


def test_somebody_elses_database_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    theirs = sqlite3.connect(folder / "sinsonte.db")
    theirs.execute("CREATE TABLE t (x)")
    theirs.commit()
    theirs.close()
    before = (folder / "sinsonte.db").read_bytes()
    with pytest.raises(Problem, match="not Sinsonte's"):
        open_store(folder)
    assert (folder / "sinsonte.db").read_bytes() == before


def test_what_is_no_database_is_a_plain_problem_with_the_newest_backup(folder: Path) -> None:
    with open_store(folder) as store:
        backups.backup(store)
        time.sleep(0.02)
        newest = backups.backup(store)
    (folder / "sinsonte.db").write_bytes(b"esto no es una base de datos " * 100)
    with pytest.raises(Problem, match="damaged or is not") as caught:
        open_store(folder)
    assert str(newest) in caught.value.advice
    assert "esto no" not in str(caught.value)


def test_an_emptied_database_with_backups_is_not_taken_for_a_new_one(folder: Path) -> None:
    with open_store(folder) as store:
        backups.backup(store)
    (folder / "sinsonte.db").write_bytes(b"")
    with pytest.raises(Problem, match="empty"):
        open_store(folder)


def as_nobody(work: object) -> None:
    """In a process without root's rights, for which modes mean something."""

    def child() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        work()  # type: ignore[operator]

    assert in_child(child) == 0


@pytest.fixture
def open_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that every user reaches: pytest's own are closed to others."""
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="sinsonte-"))
    path.chmod(0o777)
    return path


@pytest.mark.parametrize("what", ["folder", "file", "closed folder"])
def test_without_permission_to_write_nothing_opens_and_nothing_changes(open_path: Path, what: str) -> None:
    folder = open_path / "w"

    def work() -> None:
        with open_store(folder) as store, store.write() as change:
            settings.put(change, "k", 1)
        before = (folder / "sinsonte.db").read_bytes()
        closed, mode = {
            "folder": (folder, 0o500),
            "file": (folder / "sinsonte.db", 0o400),
            "closed folder": (folder, 0),
        }[what]
        closed.chmod(mode)
        for _ in range(2):
            with pytest.raises(Problem) as caught:
                open_store(folder)
            assert "cannot be written" in caught.value.what
        closed.chmod(0o700)
        assert (folder / "sinsonte.db").read_bytes() == before
        open_store(folder).close()

    as_nobody(work)


def test_the_reserve_is_set_aside(store: Store) -> None:
    room = os.statvfs(store.folder)
    assert (store.folder / "reserve").stat().st_size == RESERVE_SIZE
    assert room.f_bavail > 0


MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /home rw,relatime - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/ana/local rw - xfs /dev/nvme0n1 rw
32 27 0:42 / /mnt/with\040blank rw - cifs //server/share rw
33 27 0:43 / /scratch rw - lustre 10.0.0.1@o2ib:/fs rw
34 27 0:44 / /twice rw - nfs a:/ rw
35 27 0:45 / /twice rw - tmpfs tmpfs rw
36 27 0:46 / /remote rw - fuse.sshfs ana@host: rw
37 27 0:47 / /ntfs rw - fuseblk /dev/sdb1 rw
a line that is no mount
"""


@pytest.mark.parametrize(
    ("path", "kind", "mode"),
    [
        ("/home/ana/x", "nfs4", "truncate"),
        ("/home/ana/local/w", "xfs", "wal"),
        ("/homestead", "ext4", "wal"),
        ("/mnt/with blank/w", "cifs", "truncate"),
        ("/scratch/w", "lustre", "truncate"),
        ("/twice/w", "tmpfs", "wal"),
        ("/remote", "fuse.sshfs", "truncate"),
        ("/ntfs/w", "fuseblk", "wal"),
    ],
)
def test_the_journal_follows_the_file_system(path: str, kind: str, mode: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind
    assert journal_for(Path(path), MOUNTS).mode == mode


def test_without_a_mount_table_the_disk_is_taken_for_local() -> None:
    assert journal_for(Path("/w"), "") == LOCAL


HERE = lease.this_process()
THERE = lease.Holder("login02", "another boot", 4242, 7)


def test_a_network_workspace_has_a_rollback_journal_and_works(folder: Path) -> None:
    with open_store(folder, journal=NETWORK) as store:
        assert store.read("PRAGMA journal_mode")[0][0] == "truncate"
        assert store.read("PRAGMA synchronous")[0][0] == 2
        with open_store(folder, journal=NETWORK) as second, second.write() as change:
            chat, key = chats.upsert(change, Chat("c", "t"))
            intake.add(change, chat, key, [Message("A", 1, Kind.TEXT, "hola")])
        assert messages.count(store, chat) == 1
    assert not list(folder.glob("*-wal"))


def test_a_workspace_moves_between_local_and_network(folder: Path) -> None:
    for journal in (LOCAL, NETWORK, LOCAL, CAREFUL):
        with open_store(folder, journal=journal) as store:
            assert store.read("PRAGMA journal_mode")[0][0] == journal.mode
            with store.write() as change:
                settings.put(change, journal.mode, 1)
    with open_store(folder) as store:
        assert settings.all_settings(store) == {"truncate": 1, "wal": 1}


def test_a_second_host_is_refused_until_the_first_has_left(folder: Path) -> None:
    with open_store(folder, journal=NETWORK, me=THERE):
        with pytest.raises(Problem, match="login02") as caught:
            open_store(folder, journal=NETWORK)
        assert "SINSONTE_TAKE_OVER=login02" in caught.value.advice
    with open_store(folder, journal=NETWORK) as store:
        assert [row[0] for row in store.read("SELECT host FROM lease")] == [HERE.host]
    with open_store(folder, journal=LOCAL) as store:
        assert store.read("SELECT * FROM lease") == []


def test_a_host_that_is_gone_can_be_taken_over_by_its_name_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die() -> None:
        open_store(folder, journal=NETWORK, me=THERE)
        os.kill(os.getpid(), 9)

    assert in_child(die) == 9
    for name in ("", "login03"):
        monkeypatch.setenv("SINSONTE_TAKE_OVER", name)
        with pytest.raises(Problem, match="login02"):
            open_store(folder, journal=NETWORK)
    monkeypatch.setenv("SINSONTE_TAKE_OVER", "login02")
    open_store(folder, journal=NETWORK).close()
    monkeypatch.delenv("SINSONTE_TAKE_OVER")
    open_store(folder, journal=NETWORK).close()


def test_dead_processes_and_earlier_boots_of_this_host_hold_nothing(folder: Path) -> None:
    gone = [
        lease.Holder(HERE.host, "an earlier boot", 1, 1),
        lease.Holder(HERE.host, HERE.boot, os.getpid(), HERE.started + 1),
        lease.Holder("renamed since", HERE.boot, 2**22 + 5, 1),
    ]
    for holder in gone:

        def die(who: lease.Holder = holder) -> None:
            open_store(folder, journal=NETWORK, me=who)
            os.kill(os.getpid(), 9)

        in_child(die)
    with open_store(folder, journal=NETWORK) as store:
        assert store.read("SELECT host, pid, started FROM lease") == [(HERE.host, os.getpid(), HERE.started)]


def test_closing_while_a_worker_reads_ends_the_read_and_not_the_process(tmp_path: Path) -> None:
    store = open_store(tmp_path / "w")
    begun, ended = threading.Event(), []
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    def work() -> None:
        begun.set()
        try:
            store.read(endless)
        except sqlite3.Error as error:
            ended.append(str(error))

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait(10)
    while not any(getattr(one, "uses", 0) for one in store._all):  # pyright: ignore[reportPrivateUsage]
        worker.join(0.01)
    store.close()
    worker.join(10)
    assert ended == ["interrupted"]
