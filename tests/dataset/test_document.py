"""The page about datasets says what the code does."""

from __future__ import annotations

from core.cleaning.rules import RULES
from core.dataset.export import FORMATS
from tests.dataset.document import PAGE, page


def test_the_recipes_table_is_that_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run: python -m tests.dataset.document"


def test_every_format_and_rule_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in [*FORMATS, *(rule.name for rule in RULES)]:
        assert f"`{name}`" in text, name
