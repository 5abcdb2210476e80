"""What lasts comes back as it went in: recipes, datasets, runs, events, models, decisions."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.chat import Chat, Consent, Example, Kind, Line, Message, Role, Side
from core.problem import Problem
from core.store import (
    backups,
    chats,
    datasets,
    decisions,
    events,
    intake,
    messages,
    models,
    participants,
    recipes,
    runs,
)
from core.store import settings as stored_settings
from core.store.connection import Store
from core.store.decisions import Decision
from core.store.sqlite import sqlite3
from core.store.standing import NOTHING, Said, Standing, after


def uid(number: int) -> str:
    return f"{number:020x}"


def test_settings_hold_json(store: Store) -> None:
    with store.write() as change:
        stored_settings.put(change, "a", {"x": [1, None, "ñ"]})
        stored_settings.put(change, "b", 1)
        stored_settings.put(change, "b", None)
    assert stored_settings.all_settings(store) == {"a": {"x": [1, None, "ñ"]}}
    assert stored_settings.get(store, "b", 7) == 7


def test_a_changed_recipe_is_a_new_version_and_an_unchanged_one_is_not(store: Store) -> None:
    with store.write() as change:
        first = recipes.save(change, "default", '{"a":1}', "h1")
        assert recipes.save(change, "default", '{"a":1}', "h1") == first
        second = recipes.save(change, "default", '{"a":2}', "h2")
    assert (first.version, second.version) == (1, 2)
    assert recipes.latest(store, "default") == second
    assert recipes.latest(store, "other") is None
    assert recipes.all_recipes(store) == [second, first]


def test_consent_and_joining_are_careful(store: Store) -> None:
    with store.write() as change:
        ana, beto = participants.add(change, "Ana"), participants.add(change, "Beto")
        participants.set_consent(change, ana, Consent.GIVEN, "in writing")
        participants.set_consent(change, beto, Consent.REFUSED)
        participants.join(change, ana, beto)
    (left,) = participants.all_participants(store)
    assert (left.name, left.consent) == ("Ana", Consent.REFUSED)
    with store.write() as change:
        participants.rename(change, ana, "Ana María")
    assert participants.find(store, "Ana María") == participants.all_participants(store)[0]


def test_imports_are_remembered_with_their_report(store: Store) -> None:
    with store.write() as change:
        chat, _ = chats.upsert(change, Chat("c", "t"))
        chats.add_import(change, chat, chats.Import("a.txt", "0f", "whatsapp", '{"messages": 2}', 5))
    assert chats.imports_of(store, chat) == [chats.Import("a.txt", "0f", "whatsapp", '{"messages": 2}', 5)]


lines = st.builds(
    Line,
    st.sampled_from(list(Role)),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.booleans(),
    st.sampled_from(["", "Ana"]),
    st.lists(st.integers(0, 2**80 - 1).map(uid), max_size=3).map(tuple),
)
some_examples = st.lists(
    st.builds(Example, st.lists(lines, max_size=4).map(tuple), st.integers(0, 9), st.sampled_from(list(Side))),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_examples)
def test_examples_come_back_exactly_with_their_lineage(store: Store, given_examples: list[Example]) -> None:
    with store.write() as change:
        for old in datasets.all_datasets(change):
            datasets.delete(change, old.id)
        number = datasets.create(change, "d", '{"a": 1}', "rh")
        half = len(given_examples) // 2
        last = datasets.add_examples(change, number, given_examples[:half])
        assert datasets.add_examples(change, number, given_examples[half:], last) == len(given_examples)
        datasets.finish(change, number, "digest", '{"examples": 1}')
    found = datasets.find(store, "d")
    assert found and (found.recipe, found.recipe_hash, found.digest, found.tainted) == (
        '{"a": 1}',
        "rh",
        "digest",
        False,
    )
    assert list(datasets.examples(store, number)) == given_examples
    assert list(datasets.examples(store, number, 1, 2)) == given_examples[1:3]
    train = [n for n, example in enumerate(given_examples) if example.side is Side.TRAIN]
    assert datasets.numbers(store, number, Side.TRAIN).tolist() == train
    assert list(datasets.examples(store, number, side=Side.TRAIN)) == [given_examples[n] for n in train]
    for message in {one for example in given_examples for line in example.lines for one in line.messages}:
        holding = sum(any(message in line.messages for line in example.lines) for example in given_examples)
        assert datasets.holding(store, bytes.fromhex(message)) == {number: holding}


def test_examples_with_forgotten_messages_go_and_mark_what_came_from_them(store: Store) -> None:
    def example(*numbers: int) -> Example:
        return Example((Line(Role.USER, "x", messages=tuple(uid(n) for n in numbers)),), 0)

    with store.write() as change:
        one = datasets.create(change, "one", "{}", "")
        datasets.add_examples(change, one, [example(1, 2), example(3)])
        two = datasets.create(change, "two", "{}", "")
        datasets.add_examples(change, two, [example(4)])
        models.add(change, models.StoredModel("tuned", "adapter", dataset_id=one))
        assert datasets.erase_examples(change, bytes.fromhex(uid(2) + uid(9))) == 1
    assert {d.name: d.tainted for d in datasets.all_datasets(store)} == {"one": True, "two": False}
    assert datasets.numbers(store, one).tolist() == [1]
    tuned = models.find(store, "tuned")
    assert tuned and tuned.tainted


def test_a_dataset_that_something_came_from_is_not_deleted(store: Store) -> None:
    with store.write() as change:
        number = datasets.create(change, "d", "{}", "")
        runs.create(change, runs.StoredRun("r1", number, "local", "mini", "prepared", "runs/r1"))
    with pytest.raises(Problem, match="r1"), store.write() as change:
        datasets.delete(change, number)
    with pytest.raises(Problem, match="already"), store.write() as change:
        datasets.create(change, "d", "{}", "")
    with store.write() as change:
        runs.delete(change, "r1")
        datasets.delete(change, number)
    assert datasets.all_datasets(store) == []


def test_a_run_goes_on_and_ends(store: Store) -> None:
    run = runs.StoredRun("r1", None, "local", "mini", "prepared", "runs/r1", options='{"epochs": 3}', created_at=5)
    with store.write() as change:
        runs.create(change, run)
        runs.update(change, "r1", state="running", pid=42, process_started=7, steps=100)
    assert [r.id for r in runs.unfinished(store)] == ["r1"]
    with store.write() as change:
        runs.update(change, "r1", state="succeeded", step=100, model="tuned")
    found = runs.find(store, "r1")
    assert found and found.ended_at and (found.state, found.step, found.options) == ("succeeded", 100, '{"epochs": 3}')
    assert runs.unfinished(store) == []
    assert runs.all_runs(store) == [found]
    for folder in ("/abs", "../out", "runs/../../out"):
        with pytest.raises(ValueError, match="workspace"), store.write() as change:
            runs.create(change, runs.StoredRun("r2", None, "local", "mini", "prepared", folder))
    with pytest.raises(ValueError, match="folder"), store.write() as change:
        runs.update(change, "r1", folder="x")


def event(seq: int, attempt: int = 1, kind: str = "step", body: str = "{}") -> events.StoredEvent:
    return events.StoredEvent(attempt, seq, 1.5, kind, body)


def test_events_are_taken_in_once_and_read_from_where_one_was(store: Store) -> None:
    with store.write() as change:
        runs.create(change, runs.StoredRun("r", None, "local", "mini", "running", "runs/r"))
        assert events.ingest(change, "r", [event(0), event(1)]) == 2
        assert events.ingest(change, "r", [event(1, body='{"other": 1}'), event(2), event(0, attempt=2)]) == 2
        assert events.ingest(change, "r", []) == 0
    assert [(e.attempt, e.seq) for e in events.since(store, "r")] == [(1, 0), (1, 1), (1, 2), (2, 0)]
    assert events.since(store, "r", 1, 1, 1) == [event(2)]
    assert events.since(store, "r", 1, 2) == [event(0, attempt=2)]
    assert events.newest(store, "r") == event(0, attempt=2)
    assert events.newest(store, "r", "end") is None
    assert len(events.of_kind(store, "r", "step")) == 4


def test_the_log_is_only_ever_added_to_and_goes_with_its_run(store: Store) -> None:
    with store.write() as change:
        for name in ("r", "s"):
            runs.create(change, runs.StoredRun(name, None, "local", "mini", "running", f"runs/{name}"))
            events.ingest(change, name, [event(0), event(1)])
    for sql in (
        "UPDATE events SET kind = 'x'",
        "DELETE FROM events WHERE run_id = 'r'",
        "INSERT OR REPLACE INTO events VALUES ('r', 1, 0, 9.0, 'x', '{}')",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"), store.write() as change:
            change.execute(sql)
    assert events.since(store, "r") == [event(0), event(1)]
    with store.write() as change:
        runs.delete(change, "r")
    assert events.since(store, "r") == []
    assert len(events.since(store, "s")) == 2
    assert backups.check(store) == []


def test_models_are_listed_renamed_and_deleted(store: Store) -> None:
    model = models.StoredModel("a", "remote", base="gpt", details='{"provider": "p"}', created_at=3)
    with store.write() as change:
        models.add(change, model)
        models.add(change, models.StoredModel("b", "base", created_at=4))
    with pytest.raises(Problem, match="already"), store.write() as change:
        models.add(change, model)
    with pytest.raises(Problem, match="already"), store.write() as change:
        models.rename(change, "a", "b")
    with store.write() as change:
        models.rename(change, "a", "c")
        models.set_details(change, "c", "{}")
        models.delete(change, "b")
    (left,) = models.all_models(store)
    assert (left.name, left.kind, left.details, left.created_at) == ("c", "remote", "{}", 3)


def standing(store: Store) -> dict[str, Said]:
    """What stands, played from the first act on."""
    made = Standing()
    made.follow(store)
    return {uid.hex(): said for uid, said in made.said.items()}


def test_decisions_are_undone_and_redone_across_restarts(store: Store) -> None:
    def kept() -> dict[str, bool]:
        return {u: said.state == "keep" for u, said in standing(store).items()}

    with store.write() as change:
        decisions.act(change, "drop three", [Decision("drop", [uid(1), uid(2), uid(3)])])
        decisions.act(change, "keep one", [Decision("keep", [uid(2)])])
    assert kept() == {uid(1): False, uid(2): True, uid(3): False}
    with store.write() as change:
        undone = decisions.undo(change)
        assert undone and undone.label == "keep one" and undone.undone
    assert kept()[uid(2)] is False
    with store.write() as change:
        decisions.undo(change)
        assert decisions.undo(change) is None
    assert kept() == {}
    with store.write() as change:
        again = decisions.redo(change)
        assert again and again.label == "drop three"
        decisions.act(change, "another", [Decision("drop", [uid(9)])])
        assert decisions.redo(change) is None
    assert kept() == dict.fromkeys([uid(1), uid(2), uid(3), uid(9)], False)
    assert [a.label for a in decisions.history(store)] == ["another", "drop three"]
    following = decisions.next_undo(store)
    assert following and following.label == "another"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_undo_and_redo_walk_the_same_path_both_ways(store: Store, data: st.DataObject) -> None:
    with store.write() as change:
        change.execute("DELETE FROM acts")
    followed = Standing()
    forgetful = Standing(kept_back=2)
    done: list[Decision] = []
    ahead: list[Decision] = []
    for _ in range(data.draw(st.integers(1, 12))):
        what = data.draw(st.sampled_from([*decisions.WHATS, "undo", "redo"]))
        with store.write() as change:
            if what == "undo":
                assert (decisions.undo(change) is not None) == bool(done)
                if done:
                    ahead.append(done.pop())
            elif what == "redo":
                assert (decisions.redo(change) is not None) == bool(ahead)
                if ahead:
                    done.append(ahead.pop())
            else:
                uids = [uid(n) for n in data.draw(st.sets(st.integers(0, 4)))]
                decision = Decision(
                    what, uids, data.draw(st.sampled_from(["0.5", "2", ""])) if what != "weight" else "2"
                )
                decisions.act(change, what, [decision])
                done.append(decision)
                ahead.clear()
        followed.follow(store)
        if data.draw(st.booleans()):  # one that looks now and then, and remembers little
            forgetful.follow(store)
    expected: dict[str, Said] = {}
    for decision in done:
        for one in decision.uids:
            expected[one] = after(expected.get(one, NOTHING), decision.what, decision.value)
    expected = {one: said for one, said in expected.items() if said != NOTHING}
    assert standing(store) == expected
    # One that lives through all of it says what one says that begins at the end.
    forgetful.follow(store)
    for one in (followed, forgetful):
        assert {uid.hex(): said for uid, said in one.said.items()} == expected


def test_every_sort_of_decision_stands_as_said(store: Store) -> None:
    with store.write() as change:
        decisions.act(
            change, "edit", [Decision("edit", [uid(1), uid(2)], "otra cosa"), Decision("weight", [uid(1)], "0.5")]
        )
        decisions.act(
            change, "tags", [Decision("tag", [uid(1), uid(2)], "funny"), Decision("untag", [uid(2)], "funny")]
        )
        decisions.act(change, "back", [Decision("edit", [uid(2)], "")])
    assert standing(store) == {uid(1): Said(text="otra cosa", tags=frozenset({"funny"}), weight=0.5)}
    with store.write() as change:
        decisions.act(change, "cut", [Decision("split", [uid(1)]), Decision("join", [uid(2)])])
    assert (standing(store)[uid(1)].begins, standing(store)[uid(2)].begins) == (True, False)
    with store.write() as change:
        decisions.act(change, "clear", [Decision("clear", [uid(1), uid(2)])])
    assert standing(store) == {}
    for wrong in (Decision("like", [uid(1)]), Decision("weight", [uid(1)], "much")):
        with pytest.raises(ValueError, match=r"like|much"), store.write() as change:
            decisions.act(change, "x", [wrong])


def test_decisions_outlive_a_longer_export_and_forget_who_is_forgotten(store: Store) -> None:
    short = [Message("Ana", 60, Kind.TEXT, "b"), Message("Ana", 120, Kind.TEXT, "c")]
    with store.write() as change:
        chat, key = chats.upsert(change, Chat("c", "t"))
        intake.add(change, chat, key, short)
        target = messages.page(change, chat, 0, 1)[0].uid
        decisions.act(change, "edit", [Decision("edit", [target], "secreto"), Decision("drop", [target, uid(5)])])
        intake.add(change, chat, key, [Message("Ana", 0, Kind.TEXT, "a"), *short])
        assert messages.by_uids(change, [target])[0].place == 1
        decisions.erase(change, bytes.fromhex(target))
    assert standing(store) == {uid(5): Said(state="drop")}
    assert store.read("SELECT count(*) FROM decisions WHERE value = 'secreto'") == [(0,)]
