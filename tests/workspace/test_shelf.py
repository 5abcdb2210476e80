"""What a count found serves the next process: no vocabulary is loaded for it, and no figure is another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from core.cleaning import rules
from core.counting import counter, recount
from core.store import settings
from core.workspace import chats, curation, deleting, material, people, preview, recipe, shelf
from core.workspace.opening import Workspace, open_workspace
from tests.workspace.conftest import export_with
from tests.workspace.test_remembered import uid_of


@pytest.fixture(autouse=True)
def _everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "LONG", -1.0)
    monkeypatch.setattr(recount, "_LONG", -1.0)
    monkeypatch.setattr(material, "_MANY", 1)


@pytest.fixture
def counted(workspace: Workspace) -> Workspace:
    """A workspace of which all was counted once."""
    recipe.change(workspace, {"persona": "Nico", "model": "gpt-4.1-mini"})
    recipe.exact_counters(workspace)
    return workspace


def kept(workspace: Workspace) -> list[str]:
    return sorted(file.name for file in (workspace.folder / "counted").iterdir())


@contextmanager
def another_process(workspace: Workspace) -> Iterator[Workspace]:
    """The same workspace with nothing in memory, and with no counters that it could believe."""
    with workspace.store.write() as change:
        settings.put(change, "counted", None)
    with open_workspace(workspace.folder, workspace.settings) as later:
        yield later


def refuse(*_given: object) -> object:
    raise AssertionError("counted anew")


def test_the_next_process_needs_no_vocabulary_and_scans_nothing(
    counted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, example = recipe.exact_counters(counted), preview.example(counted, 3)
    assert kept(counted) == ["rules", "stretches"]
    monkeypatch.setattr(counter.vocabulary, "counting", refuse)
    monkeypatch.setattr(rules, "scan", refuse)
    with another_process(counted) as later:
        assert recipe.exact_counters(later) == exact
        assert preview.example(later, 3) == example
        assert preview.shape(later) == preview.shape(counted)


CHANGES: dict[str, Callable[[Workspace], object]] = {
    "a decision": lambda one: curation.decide(one, "drop", [uid_of(one, 3)]),
    "an edit": lambda one: curation.decide(one, "edit", [uid_of(one, 3)], "otra cosa, más larga: https://a.example"),
    "a join": lambda one: people.join(one, "Lía", "Tomi"),
    "a mask": lambda one: recipe.change(one, {"mask": []}),
    "a separator": lambda one: recipe.change(one, {"separator": " / "}),
    "a system prompt": lambda one: recipe.change(one, {"system_prompt": "Contestá como {persona}."}),
    "another persona": lambda one: recipe.change(one, {"persona": "Lía"}),
    "another model": lambda one: recipe.change(one, {"model": "gpt-3.5-turbo"}),
    "a window": lambda one: recipe.change(one, {"burst_window": "1m"}),
    "what is stripped": lambda one: recipe.change(one, {"strip_emoji": True}),
    "an alias": lambda one: recipe.change(one, {"alias_names": True}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_after_a_change_the_figures_are_those_of_who_never_kept_any(
    counted: Workspace, change: Callable[[Workspace], object]
) -> None:
    change(counted)
    with another_process(counted) as later:
        exact, hits = recipe.exact_counters(later), material.hits(later, recipe.current(later)).tolist()
    shelf.clear(counted)
    with another_process(counted) as bare:
        assert recipe.exact_counters(bare) == exact
        assert material.hits(bare, recipe.current(bare)).tolist() == hits


def test_edits_that_stood_when_it_was_kept_are_none_of_the_scan(counted: Workspace) -> None:
    shelf.clear(counted)
    plain = material.hits(counted, recipe.current(counted)).tolist()
    curation.decide(counted, "edit", [uid_of(counted, 3)], "https://a.example")
    with another_process(counted) as later:
        edited = material.hits(later, recipe.current(later)).tolist()
    assert kept(counted) == ["rules"]
    assert edited != plain
    curation.undo(counted)
    with another_process(counted) as later:
        assert material.hits(later, recipe.current(later)).tolist() == plain


def test_after_an_import_nothing_of_before_is_believed(counted: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "Chat de WhatsApp con Ema.txt"
    file.write_text(export_with(9, "Ema"), encoding="utf-8")
    chats.import_file(counted, file)
    having = material.of(counted)
    assert shelf.take(counted, "rules", shelf.key_of(having, rules.scan_key(recipe.current(counted).cleaning))) is None


@pytest.mark.parametrize("name", ["rules", "stretches"])
def test_a_damaged_file_is_as_good_as_none(counted: Workspace, name: str) -> None:
    exact = recipe.exact_counters(counted)
    file = counted.folder / "counted" / name
    whole = file.read_bytes()
    for damaged in (b"", whole[:40], whole[:-3], whole[:-9] + bytes(9), b"{}\n", b"\xff\n", b"[1]\n" + whole):
        file.write_bytes(damaged)
        with another_process(counted) as later:
            assert recipe.exact_counters(later) == exact
        assert file.read_bytes() == whole


def test_who_is_forgotten_leaves_no_hash_behind(counted: Workspace) -> None:
    people.forget(counted, "Tomi")
    assert kept(counted) == []


def test_a_chat_that_is_deleted_leaves_none_either(counted: Workspace) -> None:
    deleting.delete(counted, chats.listing(counted)[0].title)
    assert kept(counted) == []


def test_the_files_are_private_and_hold_no_word(counted: Workspace) -> None:
    folder = counted.folder / "counted"
    assert folder.stat().st_mode & 0o777 == 0o700
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert not any(word in file.read_bytes() for word in (b"Nico", b"mudanza", "Lía".encode()))


def test_where_no_file_can_be_written_all_is_counted_all_the_same(counted: Workspace) -> None:
    exact = recipe.exact_counters(counted)
    shelf.clear(counted)
    (counted.folder / "counted").rmdir()
    (counted.folder / "counted").write_text("in the way")
    with another_process(counted) as later:
        assert recipe.exact_counters(later) == exact
    shelf.clear(counted)


def test_arrays_come_back_as_they_were(empty: Workspace) -> None:
    arrays = {"a": np.arange(5, dtype=np.uint16), "b": np.zeros(0, np.int64), "c": np.array([1 << 63], np.uint64)}
    shelf.put(empty, "some", "key", arrays)
    found = shelf.take(empty, "some", "key")
    assert found is not None
    assert {name: (one.dtype, one.tolist()) for name, one in found.items()} == {
        name: (one.dtype, one.tolist()) for name, one in arrays.items()
    }
    assert shelf.take(empty, "some", "another key") is None
