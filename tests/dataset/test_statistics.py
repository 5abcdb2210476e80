"""Figures of messages, and their plots."""

from __future__ import annotations

from core.chat import Chat, Kind, Message
from core.dataset.fillers import laughter
from core.dataset.material import kept, material_of
from core.dataset.recipe import Recipe
from core.dataset.statistics import bars, histogram, statistics, words_of
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


def test_bars_are_as_long_as_their_values() -> None:
    assert bars(["uno", "b"], [8, 4], width=4) == ["uno ████ 8", "b   ██ 4"]
    assert bars(["a", "b"], [0, 0]) == ["a  0", "b  0"]
    assert bars(["a"], [1 / 3], width=2) == ["a ██ 0.33"]
    assert bars([], []) == []


def test_a_histogram_holds_every_value() -> None:
    assert histogram([]) == []
    assert [line.split() for line in histogram([0, 1, 5, 19], bins=10, width=1)][:2] == [
        ["0–1", "█", "2"],
        ["2–3", "0"],
    ]
