"""Click's own words are in the language that was chosen, whatever the locale; which of them there are, click itself says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from core import language
from core.commands import COMMANDS, main
from core.commands.click_words import MODULES
from tests import catalogue

ENGLISH = re.compile(r"\b(Usage|Options|Show this message|Missing|Invalid value|No such option|Got unexpected|Try)\b")


@pytest.fixture
def spanish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SINSONTE_LANG", "es")
    monkeypatch.setenv("LANG", "C")
    yield
    language.choose("en")


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """What each command says of itself, in a process of its own: its words are chosen when its module is imported."""
    asking = """
import contextlib, io, json
from core.commands import COMMANDS, main
told = {}
for command in ["", *COMMANDS]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([*command.split(), "--help"]) == 0
    told[command] = out.getvalue()
print(json.dumps(told))
"""
    told = subprocess.run(
        [sys.executable, "-c", asking],
        env={**os.environ, "SINSONTE_LANG": "es", "LANG": "C"},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(told.stdout)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_spanish_through_and_through(helps: dict[str, str], command: str) -> None:
    told = helps[command]
    assert told.startswith("Uso: sinsonte")
    assert "Opciones:" in told
    assert not ENGLISH.search(told), told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ask", "Falta el argumento 'MODEL'."),
        ("ask --nope", "No existe la opción '--nope'."),
        ("ask mini hola --temperature x", "'x' no es un valor válido"),
        ("dataset examples d --side foo", "no es ninguna de estas: 'train', 'validation'"),
        ("models list uno", "Sobra un argumento (uno)"),
        ("ask --template", "La opción '--template' lleva un valor."),
        ("serve mini --port 99999", "no está en el intervalo"),
    ],
)
def test_what_is_wrong_on_the_line_is_said_in_spanish_on_one_line(
    spanish: None, words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not ENGLISH.search(told), told


def test_the_catalogue_is_asked_for_clicks_words_by_clicks_own_code() -> None:
    places = catalogue.texts_in_code()
    assert places["Show this message and exit."].startswith("click.")
    assert len([place for place in places.values() if place.startswith("click.")]) > 40
    assert all(vars(module)["_"] is language._ for module in MODULES)
