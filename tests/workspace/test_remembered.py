"""Counters that were exact are known at once wherever nothing has changed, and nowhere else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from core.chat import Consent
from core.settings import Settings
from core.store import backups, settings
from core.workspace import chats, curation, deleting, people, recipe, remembered, revision, versions
from core.workspace.counting import Counting
from core.workspace.opening import Workspace, open_workspace
from tests.workspace.conftest import export_with
from tests.workspace.test_corrections import correct


def unheard(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def counted(workspace: Workspace) -> Workspace:
    """A workspace of which all is counted."""
    recipe.change(workspace, {"persona": "Nico", "model": "gpt-4.1-mini"})
    recipe.exact_counters(workspace)
    assert recipe.known_counters(workspace) is not None
    return workspace


def uid_of(workspace: Workspace, place: int) -> str:
    return next(islice(chats.messages(workspace), place, None)).uid


def test_opened_again_nothing_is_counted(counted: Workspace) -> None:
    exact = recipe.exact_counters(counted)
    with open_workspace(counted.folder, counted.settings) as later:
        asking = Counting(later, many=1)
        assert asking.counters() == exact
        assert asking.exact_counters(unheard) == exact
        assert exact.exact
        assert asking.pid == 0


def test_what_was_saved_is_known_too(counted: Workspace) -> None:
    versions.save(counted, "una")
    saved = recipe.exact_saved_counters(counted)
    recipe.change(counted, {"min_reply_chars": 25})
    recipe.exact_counters(counted)
    with open_workspace(counted.folder, counted.settings) as later:
        asking = Counting(later, many=1)
        assert asking.saved_counters() == saved != asking.counters()
        assert asking.exact_saved_counters(unheard) == saved
        assert asking.pid == 0


def test_no_numpy_and_no_vocabulary_are_needed(counted: Workspace) -> None:
    look = (
        "import sys; from pathlib import Path; from core.workspace.opening import open_workspace;"
        "from core.workspace.counting import Counting; c = Counting(open_workspace(Path(sys.argv[1])), many=1);"
        "print(c.counters().tokens, [one for one in ('numpy', 'tiktoken', 'bpe_openai') if one in sys.modules], c.pid)"
    )
    root = Path(recipe.__file__).parent.parent.parent
    told = subprocess.run(
        [sys.executable, "-c", look, str(counted.folder)], capture_output=True, text=True, cwd=root, check=True
    )
    assert told.stdout.split(maxsplit=1) == [str(recipe.exact_counters(counted).tokens), "[] 0\n"]


def import_more(workspace: Workspace) -> None:
    file = workspace.folder.parent / "Chat de WhatsApp con Ema.txt"
    file.write_text(export_with(5, "Ema"), encoding="utf-8")
    chats.import_file(workspace, file)


def undo(workspace: Workspace) -> None:
    curation.decide(workspace, "drop", [uid_of(workspace, 3)])
    recipe.exact_counters(workspace)
    assert recipe.known_counters(workspace) is not None
    curation.undo(workspace)


def redo(workspace: Workspace) -> None:
    curation.decide(workspace, "drop", [uid_of(workspace, 3)])
    curation.undo(workspace)
    recipe.exact_counters(workspace)
    curation.redo(workspace)


def split(workspace: Workspace) -> None:
    people.join(workspace, "Lía", "Tomi")
    recipe.exact_counters(workspace)
    people.split(workspace, "Tomi")


def elsewhere(act: Callable[[Workspace], object]) -> Callable[[Workspace], None]:
    """The same act by another workbench on the same workspace."""

    def done(workspace: Workspace) -> None:
        with open_workspace(workspace.folder, workspace.settings) as other:
            act(other)

    return done


CHANGES: dict[str, Callable[[Workspace], object]] = {
    "an import": import_more,
    "a decision": lambda one: curation.decide(one, "drop", [uid_of(one, 3)]),
    "an edit": lambda one: curation.decide(one, "edit", [uid_of(one, 3)], "otra cosa, más larga que antes"),
    "a tag": lambda one: curation.decide(one, "tag", [uid_of(one, 3)], "gracioso"),
    "undo": undo,
    "redo": redo,
    "a change of the recipe": lambda one: recipe.change(one, {"burst_window": "2m"}),
    "another model": lambda one: recipe.change(one, {"model": "gpt-3.5-turbo"}),
    "a join of people": lambda one: people.join(one, "Lía", "Tomi"),
    "a split of people": split,
    "a consent": lambda one: people.set_consent(one, "Tomi", Consent.REFUSED),
    "forgetting": lambda one: people.forget(one, "Tomi"),
    "a chat's deletion": lambda one: deleting.delete(one, chats.listing(one)[0].title),
    "a correction": lambda one: correct(one, "mejor así"),
    "another workbench's decision": elsewhere(lambda one: curation.decide(one, "drop", [uid_of(one, 3)])),
    "another workbench's import": elsewhere(import_more),
    "another workbench's recipe": elsewhere(lambda one: recipe.change(one, {"buffer_size": 2})),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_after_a_change_they_are_counted_anew(counted: Workspace, change: Callable[[Workspace], object]) -> None:
    change(counted)
    assert recipe.known_counters(counted) is None
    assert not recipe.counters(counted).exact
    # And what is counted then is what a process finds that remembers nothing.
    exact = recipe.exact_counters(counted)
    with counted.store.write() as writing:
        settings.put(writing, "counted", None)
    with open_workspace(counted.folder, counted.settings) as fresh:
        assert not recipe.counters(fresh).exact
        assert recipe.exact_counters(fresh) == exact
    assert recipe.known_counters(counted) == exact


def test_another_version_of_what_counts_believes_nothing(counted: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "code", lambda: "another")
    with open_workspace(counted.folder, counted.settings) as later:
        assert recipe.known_counters(later) is None
        assert recipe.exact_counters(later).exact
        assert recipe.known_counters(later) is not None
    monkeypatch.undo()
    assert recipe.known_counters(counted) is None


def test_a_byte_of_the_code_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = Path(recipe.__file__).parent.parent
    for room in ("chat.py", "grouping.py"):
        shutil.copy(core / room, tmp_path / room)
    for room in ("cleaning", "counting", "dataset", "store", "workspace"):
        shutil.copytree(core / room, tmp_path / room)
    as_it_is = remembered.code()
    monkeypatch.setattr(remembered, "_CORE", tmp_path)
    remembered.code.cache_clear()
    assert remembered.code() == as_it_is
    for file in ("cleaning/rules.py", "counting/recount.py", "dataset/duplicates.py", "grouping.py"):
        with (tmp_path / file).open("a") as changed:
            changed.write("#")
        remembered.code.cache_clear()
        assert remembered.code() != as_it_is
        as_it_is = remembered.code()
    remembered.code.cache_clear()


def test_another_tokenizer_under_the_same_name_is_another_model(counted: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}")
    recipe.change(counted, {"model": str(folder)})
    now = recipe.current(counted)
    remembered.keep(counted, now, revision.of(counted.store), {"messages": 1})
    assert remembered.find(counted, now) == {"messages": 1}
    (folder / "tokenizer.json").write_text("{ }")
    assert remembered.find(counted, now) is None


def test_what_was_counted_before_a_change_is_not_remembered_after_it(counted: Workspace) -> None:
    at = revision.of(counted.store)
    curation.decide(counted, "drop", [uid_of(counted, 3)])
    remembered.keep(counted, recipe.current(counted), at, {"messages": 1})
    assert remembered.find(counted, recipe.current(counted)) is None


def test_a_price_of_today_stands_beside_a_count_of_yesterday(counted: Workspace, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(
        'as_of = 2026-11-01\ncurrency = "EUR"\nsource = "mine"\n[[model]]\nname = "gpt-4.1-mini"\ntrain = 123\n',
        encoding="utf-8",
    )
    with open_workspace(counted.folder, Settings(tmp_path / "none.toml", prices=str(prices))) as later:
        known, before = recipe.known_counters(later), recipe.known_counters(counted)
        assert known is not None
        assert before is not None
        assert (known.tokens, known.exact) == (before.tokens, True)
        assert "EUR" in (known.cost or "")
        assert "EUR" not in (before.cost or "")


def test_going_to_and_fro_counts_each_recipe_once(counted: Workspace) -> None:
    first = recipe.exact_counters(counted)
    recipe.change(counted, {"burst_window": "2m"})
    recipe.exact_counters(counted)
    recipe.change(counted, {"burst_window": "1h"})
    with open_workspace(counted.folder, counted.settings) as later:
        assert recipe.known_counters(later) == first


def test_no_more_than_a_few_are_kept_and_no_word_of_a_chat(counted: Workspace) -> None:
    for size in range(1, 15):
        recipe.change(counted, {"buffer_size": size})
        recipe.exact_counters(counted)
    kept = settings.get(counted.store, "counted")
    assert len(kept["recipes"]) == 8
    assert "Nico" not in json.dumps(kept)


def test_a_backup_brings_the_counters_of_its_own_time(counted: Workspace) -> None:
    before = recipe.exact_counters(counted)
    kept = backups.backup(counted.store)
    curation.decide(counted, "drop", [uid_of(counted, n) for n in range(3, 30)])
    assert recipe.exact_counters(counted) != before
    counted.close()
    backups.restore(counted.folder, kept)
    with open_workspace(counted.folder, counted.settings) as again:
        assert recipe.known_counters(again) == before
        curation.decide(again, "drop", [uid_of(again, 3)])  # the number of another change was this one's before
        assert recipe.known_counters(again) is None
