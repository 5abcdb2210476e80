"""Cleaning rules: what each finds, and that none changes or loses what was exported."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat import Kind, Mark
from core.cleaning.phrases import BODIES, NOTICES, rule_of
from core.cleaning.rules import BITS, RULES, dropped, report, scan, scan_key
from core.cleaning.settings import Cleaning
from core.cleaning.transforms import accents_folded, bare_link, cleaner, has_link, normaliser
from core.grouping import KIND_CODES


def hits_of(*texts: str, kind: Kind = Kind.TEXT, marks: int = 0, cleaning: Cleaning | None = None) -> list[set[str]]:
    kinds = np.full(len(texts), KIND_CODES[kind], np.uint8)
    found = scan(kinds, np.full(len(texts), marks, np.uint8), texts, cleaning or Cleaning())
    return [{rule.name for rule in RULES if int(bits) & rule.bit} for bits in found]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("imagen omitida", "media"),
        ("\u200eimagen omitida", "media"),
        ("Imagen omitida.", "media"),
        ("<Multimedia omitido>", "media"),
        ("Tarjeta de contacto omitida", "media"),
        ("informe.pdf • 3 páginas \u200edocumento omitido", "media"),
        ("IMG-20260612-WA0003.jpg (archivo adjunto)", "media"),
        ("\u200e<adjunto: 00000009-PHOTO-2026-09-28-14-13-18.jpg>", "media"),
        ("Se eliminó este mensaje.", "deleted"),
        ("You deleted this message", "deleted"),
        ("Videollamada perdida", "calls"),
        ("Voice call. 16 min", "calls"),
        ("null", "media"),
    ],
)
def test_whole_bodies_are_told_by_what_apps_write(body: str, rule: str) -> None:
    assert rule_of(body) == rule


def test_the_encryption_notice_is_found_before_anything_is_normalised() -> None:
    """Cleaning that strips the hyphens first turns `end-to-end` into `end to end` and never finds it."""
    notice = "Messages and calls are end-to-end encrypted. No one outside of this chat can read them."
    strange = Cleaning(lower_case=True, fold_accents=True, squeeze_spaces=True, strip_emoji=True)
    assert hits_of(notice, cleaning=strange) == [{"system"}]
    assert hits_of("Los mensajes y las llamadas están cifrados de extremo a extremo.") == [{"system"}]


@pytest.mark.parametrize(
    "talk",
    [
        "me dijo que la imagen omitida era esa",
        "este mensaje fue eliminado por mí jaja, mentira",
        "llamada perdida de mi vieja otra vez",
        "messages and calls are end-to-end encrypted, they say",
        "added",
        "salió del grupo Pedro?",
        "es null el valor",
        "la videollamada. estuvo buena\nno?",
    ],
)
def test_real_talk_with_an_apps_words_in_it_is_kept(talk: str) -> None:
    assert hits_of(talk) == [set()]


@pytest.mark.parametrize(
    ("kind", "rule"),
    [(Kind.MEDIA, "media"), (Kind.DELETED, "deleted"), (Kind.SYSTEM, "system"), (Kind.CALL, "calls"),
     (Kind.LOCATION, "locations"), (Kind.POLL, "polls")],
)  # fmt: skip
def test_kinds_have_their_rules(kind: Kind, rule: str) -> None:
    assert hits_of("lo que sea", kind=kind) == [{rule}]


def test_marks_have_their_rules() -> None:
    assert hits_of("hola", marks=Mark.FORWARDED | Mark.BOT) == [{"forwarded", "bots"}]


@pytest.mark.parametrize(
    "text", ["https://a.example/b?c=1", "www.infobae.com", "mirá youtube.com/watch?v=1", "bit.ly/x"]
)
def test_links_are_found(text: str) -> None:
    assert has_link(text)
    assert bare_link(text) == (" " not in text)


@pytest.mark.parametrize("text", ["hola.como va", "son las 12.30", "fin.", "...", "a.b@c.com", "versión 1.2.com"])
def test_a_dot_makes_no_link(text: str) -> None:
    assert not bare_link(text)


def test_a_rule_that_is_off_still_counts_and_drops_nothing() -> None:
    texts = ["hola", "imagen omitida", "https://a.example", "mirá https://a.example"]
    hits = scan(np.zeros(4, np.uint8), np.zeros(4, np.uint8), texts, Cleaning())
    lengths = np.array([len(text) for text in texts], np.int32)
    assert dropped(hits, lengths, Cleaning()).tolist() == [False, True, True, False]
    assert dropped(hits, lengths, Cleaning(media=False, links="keep")).tolist() == [False] * 4
    assert dropped(hits, lengths, Cleaning(links="any", min_chars=5)).tolist() == [True] * 4
    told = {one.rule.name: one for one in report(hits, lengths, Cleaning(media=False))}
    assert (told["media"].on, told["media"].count, told["media"].rows) == (False, 1, (1,))
    assert (told["bare_links"].on, told["bare_links"].count) == (True, 1)


def test_an_own_pattern_is_a_rule() -> None:
    assert hits_of("clave: 123", "hola", cleaning=Cleaning(pattern="^clave")) == [{"pattern"}, set()]


def test_what_is_nothing_once_cleaned_is_empty() -> None:
    assert hits_of("\u200e \n", "🙂", "<Se editó este mensaje.>") == [{"empty"}, set(), {"empty"}]
    assert hits_of("🙂", cleaning=Cleaning(strip_emoji=True)) == [{"empty"}]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("nos vemos a las 9 \u200e<Se editó este mensaje.>", "nos vemos a las 9"),
        ("see you <This message was edited>", "see you"),
        ("mirá esta \u200e<adjunto: 00000012-PHOTO.jpg>", "mirá esta"),
        ("1 < 2 <3", "1 < 2 <3"),
        ("\u2068@Ana\u2069 hola", "@Ana hola"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ],
)
def test_notices_and_marks_come_off_and_words_stay(text: str, left: str) -> None:
    clean = cleaner(Cleaning())
    assert clean is not None
    assert clean(text) == left


@pytest.mark.parametrize("around", ["{}", "{}.", " {}", "\u200e{}", "\ufeff\u200e {}\n"])
def test_no_phrase_is_missed_by_a_look_at_its_first_letters(around: str) -> None:
    for phrase, rule in BODIES.items():
        marked = phrase[:2] + "\u2060" + phrase[2:]
        for body in (phrase, phrase.upper(), phrase.title(), marked):
            assert rule_of(around.format(body)) == rule, body
    for notice in NOTICES:
        assert rule_of(around.format(notice.upper())) == "system"


def test_style_is_only_rewritten_on_request() -> None:
    assert normaliser(Cleaning()) is None
    change = normaliser(Cleaning(lower_case=True, fold_accents=True, squeeze_spaces=True))
    assert change is not None
    assert change("¡QUÉ  Año\nRARO! ñandú Ü") == "¡que año raro! ñandu u"
    take = cleaner(Cleaning(strip_emoji=True, strip_links=True))
    assert take is not None
    assert take("hola 😂👍🏽 https://x.example/1 (sí)") == "hola   (sí)"


@given(st.text(max_size=80), st.builds(Cleaning, strip_emoji=st.booleans(), strip_links=st.booleans()))
def test_any_text_can_be_scanned_and_cleaned(text: str, cleaning: Cleaning) -> None:
    (found,) = hits_of(text, cleaning=cleaning)
    clean = cleaner(cleaning)
    assert clean is not None
    assert ("empty" in found) == (not clean(text))


@given(st.text(max_size=60))
def test_folding_accents_folds_once(text: str) -> None:
    assert accents_folded(accents_folded(text)) == accents_folded(text)


def test_an_earlier_scan_holds_for_other_switches_and_lengths() -> None:
    assert scan_key(Cleaning()) == scan_key(Cleaning(media=False, links="any", min_chars=9, lower_case=True))
    assert scan_key(Cleaning()) != scan_key(Cleaning(pattern="x"))
    assert len(set(BITS.values())) == len(RULES)
