"""The colours of the workbench: one theme of its own, and the palette that lines are painted with.

In: the name of a theme. Out: a `Palette` of Rich styles. With Textual's ansi themes the terminal's own sixteen colours
are used, so that they follow the person's scheme and NO_COLOR can drop them altogether.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from rich.style import Style
from textual.theme import Theme

SINSONTE: Final = Theme(
    name="sinsonte",
    dark=True,
    primary="#7fb5ad",
    secondary="#8fa9cf",
    accent="#e2b26b",
    warning="#e2b26b",
    error="#e07f7f",
    success="#93bf8a",
    foreground="#d3d7de",
    background="#13161b",
    surface="#191d24",
    panel="#20252e",
    variables={
        "input-cursor-background": "#e2b26b",
        "input-cursor-foreground": "#13161b",
        "input-selection-background": "#3a4352",
        "border": "#39414e",
    },
)


@dataclass(frozen=True, slots=True)
class Palette:
    """What lines are painted with; `ground` is beneath all, `chosen` beneath what the cursor is on."""

    ground: Style
    chosen: Style
    raised: Style  # the bars at the top and the bottom
    text: Style
    muted: Style  # what is there to be found, not to be read
    gone: Style  # words that were dropped; dim, and still to be read where there are eight colours
    faint: Style  # rules and marks, no words
    strong: Style
    accent: Style
    good: Style
    warning: Style
    error: Style
    persona: Style
    found: Style  # a word that is looked for
    others: tuple[Style, ...]


def _own() -> Palette:
    ink = {
        "text": "#d3d7de", "muted": "#8690a0", "gone": "#77808f", "faint": "#3d4654", "strong": "#f0f2f5",
        "accent": "#e2b26b", "good": "#93bf8a", "warning": "#e2b26b", "error": "#e07f7f", "persona": "#e8b870",
    }  # fmt: skip
    others = ("#86c0b6", "#8fb2e0", "#b9a3dc", "#dc9fae", "#b6c07f", "#7fbfd6")
    styles = {name: Style(color=colour) for name, colour in ink.items()}
    styles["strong"] = Style(color=ink["strong"], bold=True)
    return Palette(
        ground=Style(bgcolor="#13161b", color=ink["text"]),
        chosen=Style(bgcolor="#28303b", color=ink["text"]),
        raised=Style(bgcolor="#1c2129", color=ink["text"]),
        found=Style(color="#13161b", bgcolor="#e2b26b"),
        others=tuple(Style(color=one) for one in others),
        **styles,
    )


def _ansi() -> Palette:
    plain = Style(color="default", bgcolor="default")
    return Palette(
        ground=plain,
        chosen=plain + Style(reverse=True),
        raised=plain,
        text=Style(),
        muted=Style(color="bright_black"),
        gone=Style(color="bright_black"),
        faint=Style(color="bright_black"),
        strong=Style(bold=True),
        accent=Style(color="yellow"),
        good=Style(color="green"),
        warning=Style(color="yellow"),
        error=Style(color="red"),
        persona=Style(color="yellow", bold=True),
        found=Style(reverse=True),
        others=tuple(Style(color=one) for one in ("cyan", "blue", "magenta", "green", "red", "bright_cyan")),
    )


OWN: Final = _own()
ANSI: Final = _ansi()


@cache
def resting(palette: Palette) -> Palette:
    """The palette for the cursor of a list that keys do not go to now."""
    return replace(palette, chosen=palette.raised, accent=palette.gone)


def palette_of(theme: Theme) -> Palette:
    """The palette for a theme. A theme that is neither ours nor ansi keeps our inks over its own ground."""
    if theme.ansi:
        return ANSI
    if theme.name == SINSONTE.name:
        return OWN
    return _from(theme)


def _from(theme: Theme) -> Palette:
    colours = theme.to_color_system().generate()

    def ink(name: str, *, bold: bool = False) -> Style:
        return Style(color=colours[name][:7], bold=bold or None)

    return Palette(
        ground=Style(bgcolor=colours["background"][:7], color=colours["foreground"][:7]),
        chosen=Style(bgcolor=colours["panel-lighten-1"][:7], color=colours["foreground"][:7]),
        raised=Style(bgcolor=colours["panel"][:7], color=colours["foreground"][:7]),
        text=ink("foreground"),
        muted=ink("foreground-darken-3"),
        gone=ink("foreground-darken-3"),
        faint=ink("panel-lighten-2"),
        strong=ink("foreground", bold=True),
        accent=ink("accent"),
        good=ink("success"),
        warning=ink("warning"),
        error=ink("error"),
        persona=ink("accent", bold=True),
        found=Style(color=colours["background"][:7], bgcolor=colours["accent"][:7]),
        others=(ink("primary"), ink("secondary"), ink("success")),
    )
