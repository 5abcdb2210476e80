"""Everything that Sinsonte says, it says in Spanish too."""

from __future__ import annotations

import re
import string

import pytest

from core import language
from tests import catalogue


def test_every_text_has_its_spanish() -> None:
    assert catalogue.missing() == {}


def test_no_spanish_is_left_over_from_texts_that_are_gone() -> None:
    assert catalogue.unused() == []


def test_the_compiled_catalogue_is_that_of_the_rooms() -> None:
    assert catalogue.COMPILED.read_bytes() == catalogue.compiled(), "run: python -m tests.catalogue"


def _fields(text: str) -> set[str]:
    return {name for _literal, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_translations_fill_in_the_same_fields() -> None:
    wrong = [
        key
        for key, values in catalogue.spanish().items()
        for value in values
        # A plural's singular form may spell the number out; click's have fields of their own.
        if not _fields(value) <= (_fields(key) if isinstance(key, str) else _fields(key[0]) | _fields(key[1]))
        or (isinstance(key, str) and _fields(value) != _fields(key))
    ]
    assert wrong == []


def test_spanish_uses_its_own_signs() -> None:
    # A question or exclamation that closes must open: ¿…? ¡…!
    wrong = [
        value
        for key, values in catalogue.spanish().items()
        for value in values
        if re.search(r"\w\?(\s|$)", value) and "¿" not in value and "[s/N]" not in value
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "es_AR.UTF-8"}, "es"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "es_ES.UTF-8"}, "es"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "fr:es"}, "es"),
        ({"LANG": "es_AR.UTF-8", "SINSONTE_LANG": "en"}, "en"),
    ],
)
def test_the_language_follows_the_locale_unless_told(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "SINSONTE_LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        assert language.choose() == expected
    finally:
        language.choose("en")
