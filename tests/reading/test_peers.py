"""Another parser as an oracle: what it reads otherwise is on a list, with why, or it is a fault of one of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.reading.differences import LOCALES, NPM, compare
from bench.reading.generator import generate
from bench.reading.peers import whatsapp_chat_parser


@pytest.mark.parametrize("locale", LOCALES)
def test_every_difference_to_another_parser_is_explained(locale: str, tmp_path: Path) -> None:
    export = tmp_path / "WhatsApp Chat with X.txt"
    export.write_bytes(generate(locale, 400, 11)[0])
    found = compare(NPM, whatsapp_chat_parser(), export)
    assert found.unexplained == []
    assert found.explained
