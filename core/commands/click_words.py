"""Click's own words (“Usage”, “Options”, what is wrong with an argument) in the language that is chosen.

Click takes them from `gettext.gettext`, which asks the environment for the language and knows one catalogue a process;
ours is told by SINSONTE_LANG or the settings too. So each of its modules is given our `_` in that one's place: they are
looked up at the moment they are said. Their Spanish stands in our catalogue, and tests/catalogue.py asks for all of it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

import click.core
import click.decorators
import click.exceptions
import click.formatting
import click.parser
import click.types

from core import language

MODULES: Final[tuple[ModuleType, ...]] = (
    click.core, click.decorators, click.exceptions, click.formatting, click.parser, click.types,
)  # fmt: skip


class _Decimal(click.types.FloatParamType):
    """A number, with a decimal point or the comma of most who write Spanish."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        given: Any = value.replace(",", ".") if isinstance(value, str) else value
        return super().convert(given, param, ctx)


DECIMAL: Final = _Decimal()


def speak() -> None:
    """Let click say its words by our catalogue. The names of its types it never asks a catalogue for."""
    click.types.IntParamType.name = click.types.IntRange.name = language._("whole number")
    click.types.FloatParamType.name = click.types.FloatRange.name = language._("number")
    for module in MODULES:
        for name in ("_", "ngettext"):
            if hasattr(module, name):
                setattr(module, name, getattr(language, name))
