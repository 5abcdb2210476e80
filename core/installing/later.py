"""Later: a command that is already running discovers that it needs a set, and gets it by the launcher.

In: a set's name. Out: the set is installed, or a `Problem`. The launcher runs as a process of its own, so that all of
the installing (the lock, the choice of torch, the questions) is in one place; its progress goes to standard error.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from core.installing.starting import LOCAL, TELEGRAM, environment_folder
from core.language import _
from core.problem import Problem, Refused

# What proves that a set is there; looked up, not imported: torch alone takes seconds.
MODULES = {LOCAL: ("torch", "transformers", "peft", "accelerate"), TELEGRAM: ("telegram",)}
CHECKOUT = Path(__file__).resolve().parent.parent.parent


def is_here(name: str) -> bool:
    """True when this Python can import what the set holds."""
    return all(importlib.util.find_spec(module) is not None for module in MODULES[name])


def command(name: str, *, yes: bool = False) -> list[str]:
    """The command that installs a set, for a screen that wants to show its progress (on standard error)."""
    base = str(getattr(sys, "_base_executable", "") or sys.executable)
    return [base, str(CHECKOUT / "sinsonte"), "--install", name, *(["--yes"] if yes else [])]


def install(name: str, *, yes: bool = False) -> None:
    """Install a set, saying on standard error what it costs and how it goes. Nothing happens when it is here."""
    if is_here(name):
        return
    if os.path.realpath(sys.prefix) != os.path.realpath(environment_folder(str(CHECKOUT))):
        raise Problem(
            _("This Python lacks the set {name}: {python}").format(name=name, python=sys.executable),
            advice=_("Start with ./sinsonte, which installs it, or install it by hand."),
        )
    code = subprocess.run(command(name, yes=yes), stdout=sys.stderr, check=False).returncode
    importlib.invalidate_caches()
    if code == 3:
        raise Refused(_("The set {name} was not installed: it needs a confirmation.").format(name=name))
    if code != 0 or not is_here(name):
        raise Problem(
            _("The set {name} could not be installed.").format(name=name), advice=_("What is wrong stands above.")
        )
