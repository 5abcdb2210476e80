"""No screen or dialog is without a picture, and no picture without the screen that it shows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from textual.screen import Screen

import tui
from tests.tui.pictures_table import PICTURES
from tests.tui.test_pictures import PICTURES as FOLDER
from tests.tui.test_pictures import SIZES


def below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def screens() -> set[str]:
    """The screens and dialogs that there are; one that others are made of is none."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    ours = {one for one in below(Screen) if one.__module__.startswith("tui.")}
    made_of = {base for one in ours for base in one.__mro__[1:]}
    return {one.__name__ for one in ours - made_of}


def test_every_screen_and_dialog_has_a_picture() -> None:
    there = screens()
    assert len(there) > 25
    assert sorted(there - set(PICTURES)) == [], "draw one, and name it in tests/tui/pictures_table.py"
    assert sorted(set(PICTURES) - there) == [], "they are no longer there"


def test_every_picture_is_there_at_both_sizes_and_in_both_languages_and_no_other() -> None:
    wanted = {
        f"{name}_{width}x{height}_{language}.txt"
        for names in PICTURES.values()
        for name in names
        for width, height in SIZES
        for language in ("en", "es")
    }
    assert {file.name for file in FOLDER.iterdir()} == wanted
