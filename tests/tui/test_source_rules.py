"""What the source of the workbench must not do, read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.keys import bindings

TUI = Path(__file__).parent.parent.parent / "tui"
FILES = sorted(TUI.rglob("*.py"))
# Widgets of Textual that take markup, or show what they are given as it is. Plain is Static with its markup shut off.
ALLOWED_WIDGETS = {"Input": None, "Static": ("plain.py",), "TextArea": ("composer.py", "editing.py")}
ROOMS = (
    "core.chat",
    "core.language",
    "core.crash",
    "core.problem",
    "core.safe_text",
    "core.settings",
    "core.workspace",
)


def nodes(file: Path) -> Iterator[ast.AST]:
    yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def imported(file: Path) -> Iterator[tuple[str, str]]:
    for node in nodes(file):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                yield node.module, name.name
        elif isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TUI)))
def test_no_widget_that_takes_markup(file: Path) -> None:
    wrong = [
        name
        for module, name in imported(file)
        if module.startswith("textual.widgets")
        and (name not in ALLOWED_WIDGETS or file.name not in (ALLOWED_WIDGETS[name] or (file.name,)))
    ]
    assert wrong == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TUI)))
def test_markup_is_off_wherever_it_can_be(file: Path) -> None:
    for node in nodes(file):
        if isinstance(node, ast.keyword) and node.arg == "markup":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("from_markup", "border_title", "border_subtitle", "tooltip"), f"line {node.lineno}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TUI)))
def test_screens_reach_the_workspace_and_nothing_deeper(file: Path) -> None:
    wrong = [module for module, _name in imported(file) if module.startswith("core") and not module.startswith(ROOMS)]
    assert wrong == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TUI)))
def test_nothing_writes_past_the_walls(file: Path) -> None:
    for node in nodes(file):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "sys.stdout.write", "self.app.bell", "os.write"), f"line {node.lineno}"


def test_every_binding_has_an_id_of_its_own_and_a_description() -> None:
    seen: dict[str, str] = {}
    for owner, binding in bindings():
        assert binding.id, f"{owner}: {binding.key} has no id"
        assert binding.description, f"{binding.id} does not say what it does"
        if binding.id != "dialog.back":  # one act, in each dialog
            assert seen.setdefault(binding.id, owner) == owner
            seen[binding.id] = owner


def test_no_act_needs_a_key_that_terminals_swallow() -> None:
    # Function keys, alt and shifted control never arrive everywhere; tmux, screen and flow control take these.
    swallowed = {"ctrl+a", "ctrl+b", "ctrl+s", "ctrl+q", "ctrl+z", "ctrl+i", "ctrl+m", "ctrl+h", "ctrl+space"}
    acts: dict[str, set[str]] = {}
    for _owner, binding in bindings():
        acts.setdefault(binding.id or "", set()).update(binding.key.split(","))
    del acts["app.suspend"]  # which is this key's own meaning, and of no use where there is no such key
    for act, keys in acts.items():
        sure = {key for key in keys - swallowed if not key.startswith(("f1", "f2", "alt+", "ctrl+shift", "shift+"))}
        assert sure, f"{act} can only be done with {keys}"
