"""The two languages: English is in the code, Spanish in the catalogue.

`_` and `ngettext` look the text up at the moment they are called, so a module may be imported before the
language is known. Words that are shown later (a table of commands, a key's description) are marked with `N_`
and translated with `_` when shown. The language is: SINSONTE_LANG, else the setting, else the locale.
Figures are grouped as each language groups them.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path

LANGUAGES = ("en", "es")
_FOLDER = Path(__file__).parent / "locale"
_current: list[gettext.NullTranslations] = []  # one element once chosen: a cell, so that `_` needs no global statement


def choose(language: str | None = None) -> str:
    """Set the language of every later `_`; without one, follow the environment. Returns what was chosen."""
    wanted = language or os.environ.get("SINSONTE_LANG") or _locale_language()
    chosen = wanted[:2].lower()
    if chosen not in LANGUAGES:
        chosen = "en"
    _current[:] = [
        gettext.NullTranslations()
        if chosen == "en"
        else gettext.translation("sinsonte", _FOLDER, [chosen], fallback=True)
    ]
    return chosen


def chosen() -> str:
    """The language of every `_` now."""
    return _translations().info().get("language", "en")[:2] or "en"


def _locale_language() -> str:
    # LANGUAGE is a list by preference and wins over the others, as in gettext itself.
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        for one in value.split(":"):
            if one[:2].lower() in LANGUAGES:
                return one[:2].lower()
        if value and variable != "LANGUAGE":
            return "en"
    return "en"


def _translations() -> gettext.NullTranslations:
    if not _current:
        choose()
    return _current[0]


def _(text: str) -> str:
    """The text in the chosen language."""
    return _translations().gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The text that goes with this count, in the chosen language."""
    return _translations().ngettext(one, many, count)


def grouped(number: float, places: int = 0) -> str:
    """A figure as people read it: 1,234,567 in English, 1 234 567 in Spanish (a no-break space: it stays one word).

    The decimal sign is a point in both, as the Spanish academies ask for since 2010: a grouping point beside it, "1.234"
    tokens with a loss of "1.234", could not be told apart.
    """
    return f"{number:,.{places}f}".replace(",", _(","))


def N_(text: str) -> str:  # noqa: N802 - the name that every gettext tool looks for
    """Mark a text for the catalogue without translating it yet."""
    return text
