"""What the curator's decisions come to: of each message, what stands of all that was said of it.

In: acts (core/store/decisions.py). Out: a `Said` for each message of which something is said. A `Standing` is kept for
as long as a workspace is open and brought up to date by `follow`, which plays the acts that are new, whoever did them,
and takes back those that were undone from a journal of the last ones: a key press costs microseconds, where playing
100,000 acts anew costs a third of a second. It knows no message's text or place.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from core.store import decisions
from core.store.connection import Readable
from core.store.intake import UID

KEPT_BACK: Final = 500  # acts that can be taken back without playing everything anew


class Said(NamedTuple):
    """What stands of one message."""

    state: Literal["", "keep", "drop"] = ""
    text: str | None = None  # in place of what was exported
    tags: frozenset[str] = frozenset()
    weight: float = 1.0
    begins: bool | None = None  # a conversation starts here (split), or does not (join), whatever the windows say


NOTHING: Final = Said()


def after(before: Said, what: str, value: str) -> Said:
    """What stands of a message once this is said of it too."""
    if what in (decisions.KEEP, decisions.DROP):
        return before._replace(state="keep" if what == decisions.KEEP else "drop")
    if what == decisions.EDIT:
        return before._replace(text=value or None)
    if what == decisions.TAG:
        return before._replace(tags=before.tags | {value})
    if what == decisions.UNTAG:
        return before._replace(tags=before.tags - {value})
    if what == decisions.WEIGHT:
        return before._replace(weight=float(value))
    if what in (decisions.SPLIT, decisions.JOIN):
        return before._replace(begins=what == decisions.SPLIT)
    return NOTHING


class _Played(NamedTuple):
    """An act that was played, and what it changed, to take it back by."""

    act: int
    before: list[tuple[bytes, Said]]


class Standing:
    """What stands, by stable id as bytes. Threads may read while one follows."""

    def __init__(self, kept_back: int = KEPT_BACK) -> None:
        self.version = 0  # moves whenever something changed
        self.said: dict[bytes, Said] = {}
        self._lock = threading.RLock()
        self._newest = 0  # the number of the newest act that was played; 0 before any
        self._oldest = 0  # the number of the newest act that is no longer in the journal
        self._journal: deque[_Played] = deque(maxlen=kept_back)
        self._touched: deque[tuple[int, Iterable[bytes]]] = deque(maxlen=KEPT_BACK)

    def of(self, uid: str) -> Said:
        """What stands of one message."""
        return self.said.get(bytes.fromhex(uid), NOTHING) if self.said else NOTHING

    def follow(self, store: Readable) -> None:
        """Bring this up to date with whatever was decided, undone and redone since.

        Acts are a stack: undo takes the newest that stands, redo puts it back, a new one covers what was undone. So where
        the newest act that was played still stands, all below it do.
        """
        with self._lock:
            while (later := decisions.since(store, self._newest)) is None:
                if self._journal:
                    self._take_back(self._journal.pop())
                    self._newest = self._journal[-1].act if self._journal else self._oldest
                else:
                    self._begin_anew()
            for act, what, value, uids in later:
                self._play(act, what, value, uids)

    def since(self, version: int) -> tuple[int, dict[bytes, Said] | None]:
        """The version now, and what stands of the messages of which something else stood at an earlier one; None when
        that is too long ago to tell."""
        with self._lock:
            if version == self.version:
                return version, {}
            if not self._touched or self._touched[0][0] > version + 1 or version > self.version:
                return self.version, None
            uids = {uid for at, touched in self._touched if at > version for uid in touched}
            return self.version, {uid: self.said.get(uid, NOTHING) for uid in uids}

    def snapshot(self) -> tuple[int, dict[bytes, Said]]:
        """All of it, as of one moment, with its version."""
        with self._lock:
            return self.version, dict(self.said)

    def tags(self) -> Counter[str]:
        """The tags in use, with how many messages bear each."""
        with self._lock:
            return Counter(tag for said in self.said.values() for tag in said.tags)

    def _begin_anew(self) -> None:
        self.said = {}
        self._newest = self._oldest = 0
        self._journal.clear()
        self._touched.clear()
        self.version += 1

    def _play(self, act: int, what: str, value: str, uids: bytes) -> None:
        said = self.said
        made: dict[Said, Said] = {}  # a bulk act has few different befores: each after is made once, and shared
        changed: list[tuple[bytes, Said]] = []
        for at in range(0, len(uids), UID):
            uid = uids[at : at + UID]
            before = said.get(uid, NOTHING)
            now = made.get(before)
            if now is None:
                now = made[before] = after(before, what, value)
            if now != before:
                changed.append((uid, before))
                self._put(uid, now)
        if not self._journal or self._journal[-1].act != act:
            if len(self._journal) == self._journal.maxlen:
                self._oldest = self._journal[0].act
            self._journal.append(_Played(act, []))
        self._journal[-1].before.extend(changed)
        self._newest = act
        self._note([uid for uid, _before in changed])

    def _take_back(self, played: _Played) -> None:
        for uid, before in reversed(played.before):
            self._put(uid, before)
        self._note([uid for uid, _before in played.before])

    def _put(self, uid: bytes, said: Said) -> None:
        if said == NOTHING:
            self.said.pop(uid, None)
        else:
            self.said[uid] = said

    def _note(self, uids: list[bytes]) -> None:
        self.version += 1
        self._touched.append((self.version, uids))
