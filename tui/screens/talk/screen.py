"""Talking with a model, or with two on the same input: what one can do, by keys.

Two ways of using the keys: while writing, every letter is text, and esc leads to reading; while reading, single letters
act on the message under the cursor, and i leads back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from core.language import N_, _
from core.safe_text import SafeText
from tui.commands import Command
from tui.screens.talk import asking, keeping, words
from tui.screens.talk.composer import Composer
from tui.screens.talk.flowing import FlowingScreen
from tui.screens.talk.live import answer_of
from tui.screens.talk.parameters import ParameterPanel

if TYPE_CHECKING:
    from core.workspace.prompts import HeldOut
    from core.workspace.transcripts import Said


class TalkScreen(FlowingScreen):
    """The talk that is open."""

    PLACE = "talk"
    AUTO_FOCUS = "Composer"
    CSS = """
    TalkScreen #lanes { height: 1fr; width: 1fr; }
    TalkScreen .lane { height: 1fr; width: 1fr; }
    TalkScreen #lanes.stacked { layout: vertical; }
    TalkScreen #lane-1, TalkScreen ParameterPanel { display: none; }
    TalkScreen #lanes.two #lane-1 { display: block; }
    TalkScreen #middle.panel ParameterPanel { display: block; }
    TalkScreen #middle { height: 1fr; }
    TalkScreen Heading { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i,enter", "write", N_("write"), id="talk.write"),
        Binding("escape", "stop", N_("stop"), id="talk.stop"),
        Binding("c", "go_on", N_("go on"), id="talk.go_on"),
        Binding("r", "again", N_("another reply"), id="talk.again"),
        Binding("a", "alternatives", N_("three more"), id="talk.alternatives", show=False),
        Binding("left,h", "beside(-1)", N_("reply before"), id="talk.before", show=False),
        Binding("right,l", "beside(1)", N_("next reply"), id="talk.after", show=False),
        Binding("e", "edit", N_("edit or correct"), id="talk.edit"),
        Binding("m", "models", N_("model"), id="talk.models"),
        Binding("b", "second", N_("second model"), id="talk.second"),
        Binding("p", "panel", N_("parameters"), id="talk.parameters"),
        Binding("v", "prompts", N_("real questions"), id="talk.prompts"),
        Binding("n", "new", N_("new talk"), id="talk.new"),
        Binding("o", "history", N_("earlier talks"), id="talk.history"),
        Binding("t", "tokens", N_("probabilities"), id="talk.tokens", show=False),
        Binding("y", "copy", N_("copy"), id="talk.copy", show=False),
        Binding("w", "save", N_("write to a file"), id="talk.save", show=False),
        Binding("D", "delete", N_("delete the talk"), id="talk.delete", show=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self._talk is None:
            return True
        if action == "stop":
            return bool(self.talk.answers) or self.talk.opening
        if action == "write":
            return not isinstance(self.focused, Composer)
        chosen = self.chosen()
        if action == "go_on":
            return chosen is not None and chosen.cut_off and answer_of(self.talk, chosen.id) is None
        if action in ("again", "alternatives", "beside", "edit", "copy"):
            return chosen is not None
        return True

    def chosen(self) -> Said | None:
        """The message that keys act on: the one under the cursor."""
        entry = self.view(self.lane).chosen if self.is_mounted else None
        return self.talk.tree.by_id.get(entry.key) if entry is not None and self._talk is not None else None

    def on_transcript_view_moved(self) -> None:
        self.refresh_bindings()

    def on_composer_sent(self, event: Composer.Sent) -> None:
        if self._waits():
            return
        edited, self._edited = self._edited, None
        if edited is None:
            self.send(event.text)
            return
        self.query_one(Composer).text = ""
        lane, one = edited
        talk, text = self.talk, event.text
        if one.role == "user":
            self.do(lambda: talk.edit(lane, one.id, text), lambda: self.show_talk(to_end=True))
        else:
            keeping.correct(self, one, lane, text)

    def send(self, text: str) -> None:
        """Say something to whoever listens."""
        if not self.talk.models:
            self.workbench.say(SafeText(_("Nobody is there to talk to. m chooses a model.")), "warning")
            return
        self.query_one(Composer).text = ""
        talk = self.talk

        def say() -> None:
            talk.say(text)
            self.post_message(self.Ready(None, lambda: self.show_talk(to_end=True)))
            talk.reply()

        self.do(say, lambda: self.show_talk(to_end=True))

    def ask_held_out(self, question: HeldOut) -> None:
        """Ask what somebody asked in the chat, in a talk of its own; the real reply is shown after the model's."""
        if self._waits():
            return
        self.open_talk(None)
        talk, real = self.talk, (question.name, question.reply)
        self.do(lambda: talk.ask_prompt(question.turns, real, question.lineage), lambda: self.show_talk(to_end=True))

    def on_composer_left(self) -> None:
        if self._edited is not None:
            self._edited = None
            self.query_one(Composer).text = ""
            self._show_heading()
            self.set_focus(self.view(0))
        elif self.talk.answers or self.talk.opening:
            self.action_stop()
        else:
            self.set_focus(self.view(0))

    def on_parameter_panel_chosen(self, event: ParameterPanel.Chosen) -> None:
        if not self._waits():
            asking.ask_for_parameter(self, event.name)

    def action_write(self) -> None:
        self.set_focus(self.query_one(Composer))

    def action_stop(self) -> None:
        self.talk.stop()
        self._live.reveals.clear()

    def action_again(self, more: int = 1) -> None:
        chosen, lane, talk = self.chosen(), self.lane, self.talk
        if chosen is not None and not self._waits():
            self.do(lambda: talk.again(lane, chosen.id, more))

    def action_alternatives(self) -> None:
        self.action_again(3)

    def action_go_on(self) -> None:
        chosen, lane, talk = self.chosen(), self.lane, self.talk
        if chosen is not None and not self._waits():
            self.do(lambda: talk.go_on(lane, chosen.id))

    def action_beside(self, by: int) -> None:
        chosen, lane, talk = self.chosen(), self.lane, self.talk
        if chosen is None or self._waits():
            return
        around = talk.around(chosen.id)
        place = next(at for at, one in enumerate(around) if one.id == chosen.id) + by
        if 0 <= place < len(around):
            to = around[place].id
            self.do(lambda: talk.beside(lane, chosen.id, by), lambda: self.show_talk(cursor=to))

    def action_new(self) -> None:
        self.open_talk(None)
        self.set_focus(self.query_one(Composer))

    def action_panel(self) -> None:
        panel = self.query_one(ParameterPanel)
        shown = self.query_one("#middle").has_class("panel")
        if shown and panel.has_focus_within:
            self._panel = False
            self.set_focus(self.view(0))
        else:
            self._panel = True
            self.call_after_refresh(panel.query_one("#parameters").focus)
        self._arrange(self.size.width)

    def _waits(self) -> bool:
        if self.talk.answers or self._busy:
            self.workbench.say(SafeText(_("A reply is still coming; esc stops it.")), "warning")
            return True
        return False

    def action_edit(self) -> None:
        chosen = self.chosen()
        if chosen is None or self._waits():
            return
        self._edited = (self.lane, chosen)
        composer = self.query_one(Composer)
        composer.take("\n".join(chosen.bubbles))
        self.set_focus(composer)
        self._show_heading()

    def action_copy(self) -> None:
        if (chosen := self.chosen()) is not None:
            keeping.copy(self, chosen)

    def action_save(self, form: str = "markdown") -> None:
        keeping.save(self, form)

    def action_to_chats(self) -> None:
        keeping.to_chats(self)

    def action_delete(self) -> None:
        if not self._waits():
            keeping.delete(self)

    def action_models(self) -> None:
        if not self._waits():
            asking.ask_for_model(self, 0)

    def action_second(self) -> None:
        if not self._waits():
            asking.ask_for_model(self, 1)

    def action_prompts(self) -> None:
        if not self._waits():
            asking.ask_for_prompt(self)

    def action_history(self) -> None:
        from tui.screens.talk.history import open_history

        if not self._waits():
            open_history(self)

    def action_tokens(self) -> None:
        from tui.screens.talk.tokens import open_tokens

        chosen = self.chosen()
        if chosen is not None and chosen.role != "user" and not self._waits():
            open_tokens(self, chosen, self.lane)

    def commands(self) -> Iterator[Command]:
        for title, action, key in words.COMMANDS:
            yield Command(SafeText(_(title)), f"screen.{action}", key)
