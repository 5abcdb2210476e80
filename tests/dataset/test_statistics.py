"""Figures of messages, and their plots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.chat import Chat, Kind, Message
from core.dataset.fillers import laughter
from core.dataset.material import kept, material_of
from core.dataset.recipe import Recipe
from core.dataset.statistics import spread, statistics, words_of
from tests.dataset.chats import notebook

JUNE = 1_781_000_000  # 2026-06-09
DAY = 86_400
MESSAGES = [
    Message("Ana", JUNE, Kind.TEXT, "El año pasado fuimos a la PLAYA jajaja"),
    Message("Ana", JUNE + 60, Kind.TEXT, "la playa, jajajajajaja"),
    Message("Beto", JUNE + 90, Kind.TEXT, "qué montaña"),
    Message("Beto", JUNE + 100, Kind.MEDIA, "<Multimedia omitido>"),
    Message("Ana", JUNE + 70 * DAY, Kind.TEXT, "no"),
]


def test_figures_by_participant_and_month() -> None:
    material = material_of([(Chat("c", "whatsapp"), MESSAGES)])
    told = statistics(material, kept(material, Recipe()), top=3)
    ana = told.participants[0]
    assert (told.all.messages, ana.messages, told.participants[1].messages) == (4, 3, 1)
    assert ana.top == (("jajaja", 2), ("playa", 2), ("año", 1))
    assert ana.top_all == (("jajaja", 2), ("la", 2), ("playa", 2))
    assert (ana.words, ana.vocabulary, ana.median_words, ana.p95_words) == (12, 9, 3, 8)
    assert ana.richness == 0.75
    assert told.months == {"2026-06": {0: 2, 1: 1}, "2026-07": {}, "2026-08": {0: 1}}


def test_messages_without_times_are_in_no_month() -> None:
    material = notebook()
    assert statistics(material, kept(material, Recipe())).months == {}


def test_nothing_has_figures_too() -> None:
    material = material_of([(Chat("c", "whatsapp"), MESSAGES)])
    columns = kept(material, Recipe(min_chars=9_999))
    told = statistics(material, columns)
    assert (told.all.messages, told.all.mean_words, told.months, told.participants) == (0, 0.0, {}, {})


def test_words_are_folded_and_ñ_is_a_letter() -> None:
    assert words_of("Él MÁS año, ano don't JAJA 😂") == ["el", "mas", "año", "ano", "don't", "jajaja"]


def test_laughs_of_all_lengths_are_one() -> None:
    assert [laughter(one) for one in ("jaja", "ajajajaj", "hahahaha", "jeje", "ja", "jarra")] == [
        "jajaja", "jajaja", "hahaha", "jejeje", "ja", "jarra"
    ]  # fmt: skip


@given(st.lists(st.integers(0, 5_000), max_size=40))
def test_ranges_hold_every_length_once(lengths: list[int]) -> None:
    told = spread(lengths)
    assert sum(count for _range, count in told) == len(lengths)
    for name, count in told:
        low, _to, high = name.partition("–")
        assert count == sum(1 for one in lengths if int(low) <= one <= int(high or low))


def test_ranges_grow_by_doubling() -> None:
    assert spread([1, 1, 2, 4, 17]) == (("1", 2), ("2", 1), ("3–4", 1), ("5–8", 0), ("9–16", 0), ("17–32", 1))
    assert spread([]) == ()
