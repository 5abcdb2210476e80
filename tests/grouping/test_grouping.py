"""Turns and conversations: the fast boundaries say what a plain loop says, and what the words of the house promise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.chat import Kind, Mark, Message
from core.grouping import Columns, Grouping, boundaries, columns_of, counts, examples_by_author

HOUR = 3600


def said(author: str, at: int, marks: int = 0) -> Message:
    return Message(author, at, Kind.TEXT, "hola", marks)


def group(*chats: list[Message], burst: int = HOUR, gap: int = 3 * HOUR, most: int = 0) -> Grouping:
    names = sorted({m.author for chat in chats for m in chat})
    return boundaries(columns_of(chats, {name: n for n, name in enumerate(names)}), burst, gap, most)


def turns_of(grouping: Grouping) -> list[list[int]]:
    return [grouping.rows[a:b].tolist() for a, b in pairwise(grouping.turns.tolist())]


def conversations_of(grouping: Grouping) -> list[list[int]]:
    """The rows of each conversation."""
    turns = turns_of(grouping)
    ends = pairwise(grouping.conversations.tolist())
    return [[row for turn in turns[a:b] for row in turn] for a, b in ends]


def test_messages_of_one_author_within_the_burst_window_are_one_turn() -> None:
    chat = [said("A", 0), said("A", HOUR), said("A", 2 * HOUR + 1), said("B", 2 * HOUR + 2)]
    assert turns_of(group(chat)) == [[0, 1], [2], [3]]


def test_a_silence_longer_than_the_gap_ends_a_conversation() -> None:
    chat = [said("A", 0), said("B", 3 * HOUR), said("A", 6 * HOUR + 1)]
    assert conversations_of(group(chat)) == [[0, 1], [2]]


def test_a_conversation_never_crosses_chats_even_within_the_same_second() -> None:
    one, other = [said("A", 0), said("B", 5)], [said("B", 5), said("A", 6)]
    assert conversations_of(group(one, other)) == [[0, 1], [2, 3]]


def test_a_conversation_is_cut_at_the_maximum_of_turns() -> None:
    chat = [said("AB"[n % 2], n) for n in range(7)]
    assert [len(rows) for rows in conversations_of(group(chat, most=3))] == [3, 3, 1]


def test_a_start_said_by_the_source_begins_a_conversation_whatever_the_times() -> None:
    chat = [said("A", 0), said("B", 1), said("A", 2, Mark.STARTS), said("B", 3)]
    assert conversations_of(group(chat)) == [[0, 1], [2, 3]]


def test_a_start_holds_when_the_message_that_bore_it_is_not_kept() -> None:
    columns = columns_of([[said("A", 0), said("B", 1), said("A", 2, Mark.STARTS), said("B", 3)]], {"A": 0, "B": 1})
    left = columns.keeping(np.array([True, True, False, True]))
    assert conversations_of(boundaries(left, HOUR, HOUR, 0)) == [[0, 1], [3]]


def test_messages_without_times_are_parted_by_starts_alone() -> None:
    chat = [said("A", n * 10 * HOUR, Mark.UNTIMED | (Mark.STARTS if n == 2 else 0)) for n in range(4)]
    assert turns_of(group(chat)) == [[0, 1], [2, 3]]


def test_a_clock_set_back_parts_nothing() -> None:
    assert turns_of(group([said("A", 100), said("A", 40), said("A", 60)])) == [[0, 1, 2]]


def test_nothing_kept_groups_to_nothing() -> None:
    columns = columns_of([[said("A", 0)]], {"A": 0})
    grouping = boundaries(columns.keeping(np.zeros(1, np.bool_)), 1, 1, 1)
    assert (grouping.turn_count, grouping.conversation_count, counts(grouping).examples) == (0, 0, {})


messages = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.integers(0, 5 * HOUR),  # since the one before
        st.sampled_from([0, 0, 0, Mark.STARTS, Mark.UNTIMED, Mark.UNTIMED | Mark.STARTS, Mark.FORWARDED]),
        st.booleans(),
    ),
    max_size=40,
)


def plain_boundaries(columns: Columns, burst: int, gap: int, most: int) -> list[list[list[int]]]:
    """The same, as a loop over messages: conversations of turns of rows."""
    made: list[list[list[int]]] = []
    before: int | None = None
    started = False
    for row in range(len(columns)):
        started |= bool(columns.marks[row] & Mark.STARTS)
        if not columns.kept[row]:
            continue
        apart, other = True, True
        if before is not None:
            untimed = (columns.marks[row] | columns.marks[before]) & Mark.UNTIMED
            silence = 0 if untimed else int(columns.times[row] - columns.times[before])
            apart = started or silence > gap or columns.chats[row] != columns.chats[before]
            other = columns.authors[row] != columns.authors[before] or silence > burst
        if apart or (other and most and len(made[-1]) == most):
            made.append([])
        if apart or other:
            made[-1].append([])
        made[-1][-1].append(row)
        before, started = row, False
    return made


@given(st.lists(messages, max_size=3), st.integers(0, 4 * HOUR), st.integers(0, 5 * HOUR), st.integers(0, 6))
def test_boundaries_are_those_of_a_plain_loop(
    drawn: list[list[tuple[str, int, int, bool]]], burst: int, gap: int, most: int
) -> None:
    chats: list[list[Message]] = []
    for one in drawn:
        times = np.cumsum([since for _author, since, _marks, _kept in one]).tolist()
        chats.append([said(a, int(t), marks) for (a, _since, marks, _kept), t in zip(one, times, strict=True)])
    keep = np.array([kept for one in drawn for *_rest, kept in one], np.bool_)
    columns = columns_of(chats, {"A": 0, "B": 1, "C": 2}).keeping(keep)
    made = boundaries(columns, burst, gap, most)
    turns = turns_of(made)
    assert [turns[a:b] for a, b in pairwise(made.conversations.tolist())] == plain_boundaries(columns, burst, gap, most)


def test_examples_are_counted_for_everybody_at_once() -> None:
    chat = [said("A", 0), said("B", 1), said("B", 2), said("A", 3), said("B", 10 * HOUR), said("A", 10 * HOUR + 1)]
    grouping = group(chat)
    assert counts(grouping).examples == {0: 2, 1: 1}
    assert examples_by_author(grouping, without_context=True, buffer_size=4).tolist() == [3, 2]
