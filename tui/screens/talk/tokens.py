"""How likely each token of a reply was: colours over all of them, figures for the one under the cursor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText, shown_in_line
from tui.lines import Line, said, width_of
from tui.screens.talk.meter import decimal
from tui.themes import Palette
from tui.widgets.board import Board
from tui.widgets.plain import Plain

if TYPE_CHECKING:
    from core.workspace.talking import Token
    from core.workspace.transcripts import Said
    from tui.screens.talk.screen import TalkScreen

_BANDS = ((0.9, "text"), (0.5, "good"), (0.1, "warning"), (0.0, "error"))
_OTHERS = 6


def ink_of(logprob: float, palette: Palette) -> Style:
    """The colour of a token: what was nearly certain has none of its own."""
    chance = math.exp(min(0.0, logprob))
    style: Style = getattr(palette, next(name for least, name in _BANDS if chance >= least))
    return style


def percent(logprob: float) -> str:
    """A logarithm as a share: 42.1 %."""
    chance = 100 * math.exp(min(0.0, logprob))
    return f"{decimal(chance, 1 if chance >= 0.1 else 4)} %"


class Tokens(Board):
    """The tokens, in lines."""

    DEFAULT_CSS = "Tokens { height: 1fr; }"

    def __init__(self, tokens: Sequence[Token]) -> None:
        super().__init__(id="tokens")
        self._tokens = tokens
        self.cursor = 0
        self._top = 0

    def go_to(self, at: int) -> None:
        """Put the cursor on a token."""
        self.cursor = min(max(0, at), len(self._tokens) - 1)
        self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        lines: list[Line] = [[]]
        taken, at_line = 0, 0
        for number, token in enumerate(self._tokens):
            text = shown_in_line(token.text or "∅", limit=width)
            if taken + width_of(text) > width:
                lines.append([])
                taken = 0
            ink = ink_of(token.logprob, palette)
            if number == self.cursor:
                at_line = len(lines) - 1
                ink = palette.chosen + ink + Style(underline=True)
            lines[-1].append((text, ink))
            taken += width_of(text)
            if "\n" in token.text:
                lines.append([])
                taken = 0
        if not self._top <= at_line < self._top + height:
            self._top = max(0, at_line - height // 2)
        return lines[self._top : self._top + height]


class TokensDialog(ModalScreen[None]):
    """A reply, token by token."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,t", "leave", N_("back"), id="dialog.back"),
        Binding("right,l,space", "move(1)", N_("next token"), id="tokens.right"),
        Binding("left,h", "move(-1)", N_("token before"), id="tokens.left"),
        Binding("down,j", "move(10)", N_("ten tokens on"), id="tokens.down", show=False),
        Binding("up,k", "move(-10)", N_("ten tokens back"), id="tokens.up", show=False),
        Binding("n", "unlikely", N_("next surprise"), id="tokens.unlikely"),
    ]

    def __init__(self, tokens: Sequence[Token]) -> None:
        super().__init__(classes="dialog tall")
        self._tokens = tokens

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Plain(self._sum())
            yield Tokens(self._tokens)
            yield Plain(SafeText(""), id="token-said")

    def on_mount(self) -> None:
        self._tell()

    def _sum(self) -> SafeText:
        mean = sum(token.logprob for token in self._tokens) / len(self._tokens)
        return said(
            _("{n} tokens; each had {chance} on (geometric) average."), n=len(self._tokens), chance=percent(mean)
        )

    def _tell(self) -> None:
        token = self._tokens[self.query_one(Tokens).cursor]
        lines = [said("\n" + _("“{words}”") + "  {chance}", words=token.text, chance=percent(token.logprob))]
        others = [one for one in token.others if one[0] != token.text][:_OTHERS]
        lines += [said("  {chance}  " + _("“{words}”"), words=text, chance=percent(value)) for text, value in others]
        lines.append(SafeText(_("← → token   n next surprise   esc back")))
        self.query_one("#token-said", Plain).show(SafeText("\n".join(lines)))

    def action_move(self, by: int) -> None:
        board = self.query_one(Tokens)
        board.go_to(board.cursor + by)
        self._tell()

    def action_unlikely(self) -> None:
        """Go to the next token that was not likely."""
        board = self.query_one(Tokens)
        for at in range(board.cursor + 1, len(self._tokens)):
            if math.exp(min(0.0, self._tokens[at].logprob)) < 0.5:
                board.go_to(at)
                self._tell()
                return

    def action_leave(self) -> None:
        self.dismiss(None)


def open_tokens(screen: TalkScreen, one: Said, lane: int) -> None:
    """Show the tokens of a reply; where nobody asked for their chances, ask for another reply with them."""
    talk = screen.talk
    if tokens := talk.tokens.get(one.id):
        screen.app.push_screen(TokensDialog(tokens))
        return
    terms = talk.terms
    if terms.manner.logprobs is None:
        terms = replace(terms, manner=terms.manner.changed({"logprobs": _OTHERS - 1}))

    def again() -> None:
        talk.set_terms(terms)
        talk.again(lane, one.id)

    screen.workbench.say(SafeText(_("Asked once more, now with probabilities; t shows them.")))
    screen.do(again)
