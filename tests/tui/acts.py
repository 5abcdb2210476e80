"""Acts against tests: which Pilot test presses the key of each binding, and proves what it did.

The table names for every binding of every screen and dialog (an id; `id@Class` where several classes bind one id) a test.
It cannot lie unseen: tests/tui/test_acts.py holds it against the bindings and the tests that there are, the test itself
fails when it ends without having done the act by a key (tests/tui/conftest.py), and

    .venv/bin/python -m pytest tests/tui --kill-acts [-k WORD]

runs each of these tests with the one act made dead, its key swallowed, and says which of them passed all the same.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.dom import DOMNode

from tests.tui import acts_table
from tests.tui.keys import bindings

HERE = Path(__file__).parent
ACTS = {act: f"{file}::{test}" for file, acts in acts_table.ACTS.items() for act, test in acts.items()}


def all_acts() -> dict[tuple[str, str], str]:
    """Each binding, by the class that has it and its id, as the table names it."""
    found = [(owner, binding.id or "") for owner, binding in bindings()]
    owners = Counter(name for _owner, name in found)
    return {(owner, name): name if owners[name] == 1 else f"{name}@{owner}" for owner, name in found}


def there_are() -> set[str]:
    """The tests of the screens, as the table names them."""
    found: set[str] = set()
    for file in HERE.glob("test_*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.add(f"{file.stem}::{node.name}")
    return found


def claims_of(item: pytest.Item) -> list[str]:
    """The acts that this test is to do."""
    name = f"{item.path.stem}::{getattr(item, 'originalname', item.name)}"
    return [act for act, test in ACTS.items() if test == name]


def watch(patch: pytest.MonkeyPatch, dead: str = "") -> set[str]:
    """From now on the acts that keys do come into the set. The key of a dead one is taken, and does nothing."""
    names = all_acts()
    done: set[str] = set()
    keys: list[str] = []
    check, run = App._check_bindings, App.run_action  # pyright: ignore[reportPrivateUsage]

    async def check_bindings(self: App[Any], key: str, priority: bool = False) -> bool:
        keys.append(key)
        try:
            return await check(self, key, priority)
        finally:
            keys.pop()

    async def run_action(
        self: App[Any],
        action: Any,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        act = _act(names, default_namespace, keys[-1], action) if keys and default_namespace is not None else ""
        if act and act == dead:
            return True
        answered = await run(self, action, default_namespace, namespaces)
        if act and answered:
            done.add(act)
        return answered

    patch.setattr(App, "_check_bindings", check_bindings)
    patch.setattr(App, "run_action", run_action)
    return done


def _act(names: Mapping[tuple[str, str], str], node: DOMNode, key: str, action: object) -> str:
    """What the table calls the act of this key on this screen or widget."""
    for binding in node._bindings.key_to_bindings.get(key, ()):  # pyright: ignore[reportPrivateUsage]
        if binding.action == action and binding.id:
            for owner in type(node).__mro__:
                own = vars(owner).get("BINDINGS", ())
                if any(one.id == binding.id and one.action == action for one in own if hasattr(one, "action")):
                    return names.get((owner.__name__, binding.id), "")
    return ""
