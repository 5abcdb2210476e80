"""Whatever is done in whatever order, the store holds what a dictionary would."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.chat import Chat, Kind, Message
from core.store import backups, chats, intake, messages, settings
from core.store.opening import open_store

KEYS = st.sampled_from("abcd")
VALUES = st.integers() | st.text(max_size=5).filter(lambda t: t.isprintable()) | st.lists(st.booleans(), max_size=2)
HISTORY = [Message("AB"[n % 2], n // 3, Kind.TEXT, f"texto {n % 4}") for n in range(30)]


class Rolled(Exception):
    pass


class Workspace(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "w"
        self.store = open_store(self.folder)
        self.model: dict[str, object] = {}
        self.length = 0
        self.saved: tuple[Path, dict[str, object], int] | None = None

    @rule(changes=st.lists(st.tuples(KEYS, VALUES | st.none()), max_size=4), keep=st.booleans())
    def put(self, changes: list[tuple[str, object]], keep: bool) -> None:
        after = dict(self.model)
        try:
            with self.store.write() as change:
                for key, value in changes:
                    settings.put(change, key, value)
                    if value is None:
                        after.pop(key, None)
                    else:
                        after[key] = value
                assert settings.all_settings(change) == after
                if not keep:
                    raise Rolled
            self.model = after
        except Rolled:
            pass

    @rule(first=st.integers(0, 10), length=st.integers(0, 10), keep=st.booleans())
    def take_in(self, first: int, length: int, keep: bool) -> None:
        # Windows begin where the history does, so that what is there is always a beginning of it.
        end = min(3 * (first + length), len(HISTORY))
        try:
            with self.store.write() as change:
                chat, key = chats.upsert(change, Chat("c", "t"))
                added = intake.add(change, chat, key, HISTORY[:end])
                assert added.added == max(0, end - self.length)
                if not keep:
                    raise Rolled
            self.length = max(self.length, end)
        except Rolled:
            pass

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = open_store(self.folder)

    @rule()
    def save(self) -> None:
        self.saved = (backups.backup(self.store), dict(self.model), self.length)

    @rule()
    def go_back(self) -> None:
        if self.saved and self.saved[0].exists():
            self.store.close()
            backups.restore(self.folder, self.saved[0])
            self.store = open_store(self.folder)
            _, self.model, self.length = self.saved
            self.model = dict(self.model)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert settings.all_settings(self.store) == self.model
        found = [m.text for chat in chats.all_chats(self.store) for m in messages.page(self.store, chat.id, 0, 99)]
        assert found == [m.text for m in HISTORY[: self.length]]

    def teardown(self) -> None:
        assert backups.check(self.store) == []
        self.store.close()
        self.temporary.cleanup()


TestWorkspace = pytest.mark.timeout(120)(Workspace.TestCase)
TestWorkspace.settings = how(max_examples=25, stateful_step_count=20, deadline=None)  # type: ignore[attr-defined]
