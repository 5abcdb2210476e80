"""One model's side of the screen: its transcript, with its figures above."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import Vertical
from textual.widget import Widget

from tui.screens.talk.meter import Meter
from tui.screens.talk.view import TranscriptView


class Lane(Vertical):
    """One model's transcript, with its figures above."""

    def __init__(self, number: int) -> None:
        super().__init__(id=f"lane-{number}", classes="lane")
        self.number = number

    def compose(self) -> Iterable[Widget]:
        yield Meter(id=f"meter-{self.number}")
        yield TranscriptView(id=f"transcript-{self.number}")
