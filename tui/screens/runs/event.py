"""One event, whole: every field of it, as the run's log has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.language import N_, _
from core.safe_text import SafeText, shown, shown_in_line
from tui.lines import said
from tui.screens.message import MOST, TextLines, paint_line
from tui.screens.runs.painting import clock_of
from tui.widgets.plain import Plain
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from core.workspace.runs import EventRow


class EventDialog(ModalScreen[None]):
    """An event to read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,h,left,enter", "leave", N_("back"), id="dialog.back")]

    def __init__(self, event: EventRow) -> None:
        super().__init__(classes="dialog tall")
        self._event = event

    def compose(self) -> ComposeResult:
        event = self._event
        fields = "\n".join(
            f"{shown_in_line(name)}: {shown(str(value), limit=MOST)}" for name, value in event.body.items()
        )
        width = min(76, int(self.app.size.width * 0.94)) - 9
        title = said("{kind}   {at} · ", kind=event.kind, at=clock_of(event.at))
        place = said(_("event {seq}, attempt {attempt}\n"), seq=event.seq, attempt=event.attempt)
        with Vertical():
            yield Plain(SafeText(title + place))
            yield RowList[SafeText](paint_line, TextLines(shown(fields, limit=MOST), width), lit=1)

    def action_leave(self) -> None:
        self.dismiss(None)
