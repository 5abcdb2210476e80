"""The three bars of every screen: places at the top, keys (or a notice) and counters at the bottom.

In: what to say. Out: one line each, of which only the columns that changed are sent to the terminal; a notice that is
longer than its line stands whole above it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from core.language import _, ngettext
from core.safe_text import SafeText
from tui.lines import SPACE, Cell, Line, fitted, said, strip_of, width_of, wrapped
from tui.themes import Palette, palette_of

if TYPE_CHECKING:
    from core.workspace.recipe import Counters

_MOST_LINES: Final = 6  # of a notice
# What a narrow counter line leaves out, and in which order: that nothing runs is no news; messages and conversations stand
# in headings, and are only the way to the examples; tokens are what the cost says already, where there is one. Examples,
# money and runs that are going on are what one acts upon.
_GO_FIRST: Final = ("no runs", "conversations", "messages", "tokens")


class Bar(Widget):
    """One line of text. `draw` gives its cells; `redraw` sends what differs from what is there."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Bar { height: 1; width: 1fr; }"

    def draw(self, palette: Palette, width: int) -> Line:
        """The cells of the line as they should be now."""
        raise NotImplementedError

    def ground(self, palette: Palette) -> Style:
        """What the line lies on."""
        return palette.raised

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._strip: Strip | None = None

    def on_mount(self) -> None:
        # All of it, and not by `draw`: a bar of several lines has none.
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.refresh())

    def on_resize(self) -> None:
        self._strip = None

    def render_line(self, y: int) -> Strip:
        self._strip = self._drawn()
        return self._strip

    def _drawn(self) -> Strip:
        palette = palette_of(self.app.current_theme)
        return strip_of(self.draw(palette, self.size.width), self.size.width, self.ground(palette))

    def redraw(self) -> None:
        """Send to the terminal the columns that changed, if any."""
        before, now = self._strip, self._drawn()
        if before is None or not self.is_attached:
            self.refresh()
            return
        columns = [
            at for at, (one, other) in enumerate(zip(cells_of(before), cells_of(now), strict=False)) if one != other
        ]
        if columns:
            # Where some character is not one column wide, a terminal may see other columns than we do: from the left then.
            first = columns[0] if narrow(before) and narrow(now) else 0
            self.refresh(Region(first, 0, columns[-1] + 1 - first, 1))


def narrow(strip: Strip) -> bool:
    """Whether each of its characters takes one column."""
    return all(segment.text.isascii() or all(width_of(one) == 1 for one in segment.text) for segment in strip)


def cells_of(strip: Strip) -> list[tuple[str, object]]:
    cells: list[tuple[str, object]] = []
    for segment in strip:
        for character in segment.text:
            cells.extend([(character, segment.style)] * max(1, width_of(character)))
    return cells


class Titles(Bar):
    """The titles of a list's columns: those that the function gives for a width of the list's rows."""

    def __init__(self, titles: Callable[[int], Sequence[SafeText]]) -> None:
        super().__init__()
        self._titles = titles

    def ground(self, palette: Palette) -> Style:
        return palette.ground

    def draw(self, palette: Palette, width: int) -> Line:
        return [(text, palette.muted) for text in self._titles(width - 1)]


class Places(Bar):
    """Where one is: the screens with their number keys, and the workspace at the right."""

    def __init__(self, places: Sequence[tuple[str, str]], here: str, workspace: SafeText) -> None:
        super().__init__(id="places")
        self._places = places
        self._here = here
        self._workspace = workspace

    def draw(self, palette: Palette, width: int) -> Line:
        cells = self._cells(palette, width)
        left = width - _width(cells) - 1
        if left > 8:
            # The end of a path says more than its beginning.
            tail = self._workspace
            while width_of(tail) > left - 2:
                tail = SafeText("…" + tail[2:])
            cells.append((fitted(tail, left, right=True), palette.muted))
        return cells

    def _cells(self, palette: Palette, width: int) -> Line:
        """The places with as much air, and as much of their names, as there is room for."""
        label: Line = [(SafeText(" sinsonte  "), palette.accent)]
        named = [(key, SafeText(_(name)), name == self._here) for key, name in self._places]
        cells: Line = []
        for begin, blank, most in ((label, " ", 40), ([], " ", 40), *(([], "", most) for most in (40, 8, 6, 5, 4, 3))):
            cells = list(begin)
            for key, name, here in named:
                text = SafeText(f"{blank}{key} {name if here else name[:most]}{blank}")
                cells.append((text, palette.chosen + palette.strong if here else palette.muted))
                if not blank:
                    cells.append((SPACE, palette.muted))
            if _width(cells) <= width:
                break
        return cells


def _width(cells: Line) -> int:
    return sum(width_of(text) for text, _style in cells)


class Counted(Bar):
    """What the recipe gives, always in sight; ≈ marks what is provisional."""

    def __init__(self) -> None:
        super().__init__(id="counters")
        self.counters: Counters | None = None

    def show(self, counters: Counters) -> None:
        """Take new counters."""
        self.counters = counters
        self.redraw()

    def draw(self, palette: Palette, width: int) -> Line:
        if self.counters is None:
            return [(SafeText(" " + _("not counted yet")), palette.muted)]
        if self.counters.messages and self.counters.tokens is None:
            # Noughts beside a list of conversations would be a lie: without a voice nothing is counted but messages.
            return self._voiceless(self.counters, palette)
        cells: Line = []
        # Long words, short words, then one figure after the other goes.
        for short, without in ((False, 0), *((True, n) for n in range(len(_GO_FIRST) + 1))):
            cells = self._cells(self.counters, palette, short, _GO_FIRST[:without])
            if _width(cells) <= width:
                break
        return cells

    @staticmethod
    def _voiceless(now: Counters, palette: Palette) -> list[Cell]:
        from tui.figures import number

        words = ngettext("{n} message", "{n} messages", now.messages).format(n=number(now.messages))
        return [
            (said(" {words}   ", words=words), palette.text),
            (SafeText(_("no voice is chosen yet")), palette.warning),
            (said("   {figure}", figure=number(now.runs)), palette.good if now.runs else palette.text),
            (said(" {unit}", unit=_("running")), palette.muted),
        ]

    @staticmethod
    def _cells(now: Counters, palette: Palette, short: bool, without: Sequence[str]) -> list[Cell]:
        from tui.figures import number

        tokens = "—" if now.tokens is None else ("" if now.exact else "≈") + number(now.tokens)
        # Until all is counted, examples that say the same are among them.
        examples = ("" if now.settled else "≈") + number(now.examples)
        fields = {
            "messages": (number(now.messages), _("msg.") if short else _("messages")),
            "conversations": (number(now.conversations), _("conv.") if short else _("conversations")),
            "examples": (examples, _("ex.") if short else _("examples")),
            "tokens": (tokens, _("tok.") if short else _("tokens")),
        }
        if now.cost:
            # The recipe screen says of what day its price is.
            fields["cost"] = (("" if now.exact else "≈") + now.cost.partition(" (")[0], "")
        fields["running" if now.runs else "no runs"] = (number(now.runs), _("running"))
        cells: list[Cell] = []
        for name, (figure, unit) in fields.items():
            if name in without and not (name == "tokens" and not now.cost):
                continue
            cells.append((said(" {figure}", figure=figure), palette.good if name == "running" else palette.text))
            cells.append((said(" {unit} " if unit else "{unit} ", unit=unit), palette.muted))
            if not short:
                cells.append((SPACE, palette.muted))
        return cells


class Foot(Bar):
    """The keys that matter here; a notice takes their place until the next key."""

    def __init__(self) -> None:
        super().__init__(id="foot")
        self._notice: tuple[SafeText, str] | None = None

    def say(self, text: SafeText, severity: str) -> None:
        """Show a notice; what the line has no room for stands above it, over whatever is there."""
        self._notice = (text, severity)
        self.screen.query_one(LongNotice).show(self._notice, self.size.width)
        self.redraw()

    def quiet(self) -> None:
        """Take the notice away."""
        if self._notice is not None:
            self._notice = None
            self.screen.query_one(LongNotice).display = False
            self.redraw()

    def on_mount(self) -> None:
        super().on_mount()
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.redraw())

    def draw(self, palette: Palette, width: int) -> Line:
        if self._notice is not None:
            return notice_lines(self._notice, palette, width)[-1]
        from tui.keyboard import KEYS, hints

        wanted = hints(self.screen)
        # The key that tells all the others has its place, whatever else there is no room for.
        left = width - 1 - (_hint_width(wanted[KEYS]) if KEYS in wanted else 0)
        cells: Line = [(SPACE, palette.text)]
        full = False
        for name, (key, does) in wanted.items():
            # Whole or not at all: half a hint is no hint.
            if name != KEYS:
                full = full or _hint_width((key, does)) > left
                if full:
                    continue
                left -= _hint_width((key, does))
            cells += [(key, palette.accent), (said(" {does}   ", does=does), palette.muted)]
        return cells


def _hint_width(hint: tuple[SafeText, SafeText]) -> int:
    return width_of(hint[0]) + width_of(hint[1]) + 4


def notice_lines(notice: tuple[SafeText, str], palette: Palette, width: int) -> list[Line]:
    """A notice as lines: a sign of how grave it is, and the words as far as a person may be asked to read them."""
    text, severity = notice
    style = {"error": palette.error, "warning": palette.warning}.get(severity, palette.good)
    first, *more = wrapped(text, max(8, width - 4), _MOST_LINES)
    return [
        [(SafeText(" ● "), style), (first, palette.text)],
        *([(SafeText("   "), style), (one, palette.text)] for one in more),
    ]


class LongNotice(Widget):
    """The lines of a notice that the foot has no room for. They lie over what is there: no list moves for them."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LongNotice { layer: notice; dock: bottom; margin-bottom: 2; width: 1fr; display: none; }"

    def __init__(self) -> None:
        super().__init__()
        self._notice: tuple[SafeText, str] | None = None

    def show(self, notice: tuple[SafeText, str], width: int) -> None:
        """Take all lines but the last one, which is the foot's."""
        self._notice = notice
        lines = len(notice_lines(notice, palette_of(self.app.current_theme), width)) - 1
        self.display = lines > 0
        self.styles.height = max(1, lines)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.current_theme)
        lines = notice_lines(self._notice, palette, self.size.width)[:-1] if self._notice is not None else []
        return strip_of(lines[y] if y < len(lines) else [], self.size.width, palette.raised)
