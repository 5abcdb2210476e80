"""Style sheets go by the names of classes, whatever module these are in: two widgets of one name share a height."""

from __future__ import annotations

import importlib
import pkgutil

from textual.widget import Widget

import tui


def _all(kind: type[Widget]) -> set[type[Widget]]:
    return {kind}.union(*map(_all, kind.__subclasses__()))


def test_no_two_widgets_have_the_same_name() -> None:
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        importlib.import_module(module.name)
    named: dict[str, set[str]] = {}
    for one in _all(Widget):
        if one.__module__.split(".")[0] == "tui":
            named.setdefault(one.__name__, set()).add(one.__module__)
    assert len(named) > 40
    assert {name: modules for name, modules in named.items() if len(modules) > 1} == {}
