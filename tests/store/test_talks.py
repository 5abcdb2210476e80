"""Talks in the store: a tree, lanes through it, a search that follows every change, and what a killed workbench leaves."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

from bench.store.faults import in_child
from core.store import backups, corrections, talks
from core.store.corrections import StoredCorrection
from core.store.opening import Store, open_store
from core.store.talks import Lane, StoredSaid


def said(talk: int, parent: int | None, role: str, text: str, model: str = "") -> StoredSaid:
    return StoredSaid(0, talk, parent, role, text, 1_750_000_000.5, model)


def a_talk(store: Store) -> tuple[int, int, int]:
    with store.write() as change:
        talk = talks.start(change, ["base", "rita"], "Gatos", "Eres Rita.", '{"temperature": 0.6}')
        asked = talks.add(change, said(talk, None, "user", "¿Qué me cuentas del gato?"))
        answered = talks.add(change, said(talk, asked, "assistant", "", "rita"))
        talks.set_lanes(change, talk, [Lane("base", asked), Lane("rita", answered)])
    return talk, asked, answered


def test_a_talk_comes_back_as_it_was(folder: Path) -> None:
    with open_store(folder) as store:
        talk, asked, answered = a_talk(store)
        row = talks.find(store, talk)
        assert row is not None
        assert (row.title, row.system, row.manner, row.messages) == ("Gatos", "Eres Rita.", '{"temperature": 0.6}', 2)
        assert row.lanes == (Lane("base", asked), Lane("rita", answered))
        whole = replace(
            said(talk, asked, "assistant", "che, re lindo", "rita"), id=answered, finish="stop", prompt_tokens=12,
            reply_tokens=5, first_token=0.02, seconds=0.5, cost=0.0001,
        )  # fmt: skip
        with store.write() as change:
            assert talks.complete(change, whole)
        assert talks.all_said(store, talk)[1] == whole
        assert [row.id for row in talks.all_talks(store)] == [talk]


def test_the_search_follows_what_a_reply_becomes(folder: Path) -> None:
    with open_store(folder) as store:
        talk, _asked, answered = a_talk(store)
        whole = said(talk, None, "assistant", "el camión del puente", "rita")
        with store.write() as change:
            talks.complete(change, replace(whole, id=answered))
        assert [one.id for one in talks.search(store, "CAMION pue")] == [answered]
        with store.write() as change:
            talks.complete(change, replace(whole, id=answered, text="otra cosa 😂"))
        assert talks.search(store, "camión") == []
        assert [one.id for one in talks.search(store, "😂")] == [answered]
        assert talks.search(store, "") == []
        assert talks.search(store, '"') == []
        assert backups.check(store) == []
        backups.rebuild_search(store)
        assert [one.id for one in talks.search(store, "otra")] == [answered]


def test_deleting_a_talk_leaves_nothing_of_it_but_its_corrections(folder: Path) -> None:
    with open_store(folder) as store:
        talk, _asked, answered = a_talk(store)
        with store.write() as change:
            corrections.put(change, StoredCorrection(0, "[]", "mejor", "peor", "rita", talk, answered, 0))
            assert talks.delete(change, talk) == 2
        assert talks.all_talks(store) == []
        assert talks.search(store, "gato") == []
        assert not talks_left(store)
        left = corrections.all_corrections(store)
        assert [(one.chosen, one.talk_id, one.message_id) for one in left] == [("mejor", None, None)]
        assert backups.check(store) == []


def talks_left(store: Store) -> list[tuple[object, ...]]:
    return store.read("SELECT id FROM talk_messages UNION ALL SELECT talk_id FROM talk_lanes")


def test_a_reply_that_was_deleted_meanwhile_is_not_written(folder: Path) -> None:
    with open_store(folder) as store:
        talk, _asked, answered = a_talk(store)
        with store.write() as change:
            talks.delete(change, talk)
        with store.write() as change:
            assert not talks.complete(change, replace(said(talk, None, "assistant", "tarde"), id=answered))
        assert talks.search(store, "tarde") == []


def test_a_workbench_killed_in_mid_answer_leaves_what_was_written_marked_as_cut_off(folder: Path) -> None:
    def dies() -> None:
        store = open_store(folder)
        talk, asked, answered = a_talk(store)
        with store.write() as change:
            talks.complete(change, replace(said(talk, asked, "assistant", "che, el ga", "rita"), id=answered))
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(dies) == signal.SIGKILL
    with open_store(folder) as store:
        assert [(one.text, one.finish) for one in talks.all_said(store, 1)][1] == ("che, el ga", "")


def test_two_workbenches_add_at_once_and_lose_nothing(folder: Path) -> None:
    with open_store(folder) as one, open_store(folder) as other:
        talk, asked, _answered = a_talk(one)

        def add(store: Store, name: str) -> None:
            for number in range(30):
                with store.write() as change:
                    talks.add(change, said(talk, asked, "assistant", f"{name} {number}", name))

        threads = [threading.Thread(target=add, args=pair) for pair in ((one, "uno"), (other, "dos"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        texts = [said.text for said in talks.all_said(one, talk)][2:]
        assert sorted(texts) == sorted(f"{name} {number}" for name in ("uno", "dos") for number in range(30))
        assert len(talks.search(other, "uno")) == 30
