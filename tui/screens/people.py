"""The people in the chats: who is one person, whose voice is learnt, who agreed, who is to be forgotten.

Shows what `core.workspace.people.listing` gives; every act has a command that does the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.widget import Widget

from core.chat import Consent
from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from core.workspace.people import consent_words
from tui.commands import Command
from tui.figures import number
from tui.lines import Line, fitted, said
from tui.screens.place import PlaceScreen
from tui.themes import Palette
from tui.widgets.bars import Titles
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.people import PersonRow

_LIT = 44
_NEXT = {Consent.UNKNOWN: Consent.GIVEN, Consent.GIVEN: Consent.REFUSED, Consent.REFUSED: Consent.UNKNOWN}


def titles(_width: int) -> list[SafeText]:
    """The titles over the columns."""
    return [
        fitted(said("   {text}", text=_("consent")), 17),
        fitted(said("{text}", text=_("messages")), 10, right=True),
        fitted(SafeText(""), _LIT - 27),
        said("{text}", text=_("person")),
    ]


class PeopleScreen(PlaceScreen):
    """All participants. It stands on the chats, and leads back to them."""

    PLACE = "chats"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,h,left,p", "leave", N_("chats"), id="people.back"),
        Binding("v", "voice", N_("learn this voice"), id="people.voice"),
        Binding("c", "consent", N_("consent"), id="people.consent"),
        Binding("space", "mark", N_("mark"), id="people.mark"),
        Binding("J", "ask_join", N_("join the marked to this"), id="people.join", show=False),
        Binding("S", "ask_split", N_("split a name off"), id="people.split", show=False),
        Binding("X", "ask_forget", N_("forget"), id="people.forget"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._marked: set[str] = set()  # names
        self._people: RowList[PersonRow] = RowList(self._paint, lit=_LIT, id="people")

    def body(self) -> Iterable[Widget]:
        yield Titles(titles)
        yield self._people

    def on_mount(self) -> None:
        super().on_mount()
        self.workspace_changed()

    def _paint(self, row: PersonRow, _before: PersonRow | None, _width: int, chosen: bool, palette: Palette) -> Painted:
        ground = palette.chosen if chosen else palette.ground
        ink = {Consent.GIVEN: palette.good, Consent.REFUSED: palette.error}.get(row.consent, palette.muted)
        names = ", ".join(one for one in row.names if one != row.name)
        line: Line = [
            (SafeText("▌" if chosen else " "), ground + palette.accent),
            (SafeText("● " if row.name in self._marked else "  "), ground + palette.accent),
            (fitted(SafeText(consent_words(row.consent)), 14), ground + ink),
            (fitted(SafeText(number(row.messages)), 10, right=True), ground + palette.text),
            (
                fitted(said("  " + ngettext("{n} chat", "{n} chats", row.chats), n=number(row.chats)), _LIT - 27),
                ground + palette.muted,
            ),
            (said("{name}", name=row.name), palette.persona if row.persona else palette.strong),
        ]
        if row.persona:
            line.append((said("  ← {words}", words=_("the voice to learn")), palette.persona))
        if names:
            line.append((said("   {words}", words=_("also {names}").format(names=names)), palette.muted))
        return Painted([line])

    def workspace_changed(self) -> None:
        from core.workspace import people

        try:
            rows = people.listing(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        here = self._people.row
        place = next((at for at, row in enumerate(rows) if here is not None and row.id == here.id), None)
        self._marked &= {row.name for row in rows}
        self._people.show(Listed(rows), place)
        asked = sum(row.consent is not Consent.UNKNOWN for row in rows)
        self.heading.show(
            SafeText(_("People")),
            said(
                _("{people}, {asked} asked"),
                people=ngettext("{n} person", "{n} people", len(rows)).format(n=number(len(rows))),
                asked=number(asked),
            ),
        )
        self.refresh_bindings()

    def action_leave(self) -> None:
        if self._marked:
            self._marked.clear()
            self._people.changed()
        else:
            self.dismiss(None)

    # Acts

    def _do(self, act: Any, words: SafeText) -> None:
        """Do something that is saved at once, show what it changed, and say so."""
        try:
            act()
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self.workspace_changed()
        self.workbench.look_for_changes()
        self.workbench.say(words)

    def action_voice(self) -> None:
        from core.workspace import recipe

        if (row := self._people.row) is not None:
            self._do(
                lambda: recipe.change(self.workbench.workspace, {"persona": row.name}),
                said(_("The voice to learn: {name}."), name=row.name),
            )

    def action_consent(self) -> None:
        """Not asked, given, refused, and round again: written down with the time at each press."""
        from core.workspace import people

        if (row := self._people.row) is not None:
            state = _NEXT[row.consent]
            self._do(
                lambda: people.set_consent(self.workbench.workspace, row.name, state),
                said(_("Consent of “{name}”: {state}."), name=row.name, state=people.consent_words(state)),
            )

    def action_mark(self) -> None:
        if (row := self._people.row) is not None:
            self._marked ^= {row.name}
            self._people.changed([self._people.cursor])
            self._people.action_move(1)

    def action_ask_join(self) -> None:
        from core.workspace import people
        from tui.screens.confirm import ConfirmDialog

        row = self._people.row
        others = sorted(self._marked - {row.name}) if row is not None else []
        if row is None or not others:
            self.workbench.say(SafeText(_("Mark the names that are this person with space, then join.")), "warning")
            return

        quoted = ", ".join(_("“{words}”").format(words=one) for one in others)

        def join() -> None:
            for other in others:
                people.join(self.workbench.workspace, row.name, other)

        def answered(yes: bool | None) -> None:
            if yes:
                self._marked.clear()
                self._do(join, said(_("{others}: one person with “{name}” now. S splits a name off again."),
                                    others=quoted, name=row.name))  # fmt: skip

        question = said(_("Are {others} and “{name}” one person?"), others=quoted, name=row.name)
        self.app.push_screen(ConfirmDialog(question), answered)

    def action_ask_split(self) -> None:
        from core.workspace import people
        from tui.screens.palette import PaletteDialog

        row = self._people.row
        names = [one for one in row.names if one != row.name] if row is not None else []
        if not names:
            self.workbench.say(SafeText(_("No other name was joined to this one.")), "warning")
            return

        def take(command: Command | None) -> None:
            if command is not None:
                self._do(
                    lambda: people.split(self.workbench.workspace, command.action),
                    said(_("“{name}” is a person of their own again."), name=command.action),
                )

        commands = [Command(said("{name}", name=name), name) for name in names]
        self.app.push_screen(PaletteDialog(commands, _("Which name is somebody else?")), take)

    def action_ask_forget(self) -> None:
        from core.workspace import people
        from tui.screens.confirm import NameDialog

        if (row := self._people.row) is None:
            return
        try:
            told = people.would_forget(self.workbench.workspace, row.name)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        many = ngettext("Forget “{name}” with {n} message?", "Forget “{name}” with {n} messages?", told.messages)
        words = [
            said(many, name=told.name, n=number(told.messages)),
            SafeText(_("This cannot be undone; later imports leave these messages out.")),
        ]
        for text, names in (
            (_("In datasets (their examples go, and they are marked): {names}"), told.datasets),
            (_("In corrections of replies (they go): {names}"), [f"#{one}" for one in told.corrections]),
            (_("In talks (they stay; delete those that you do not need): {names}"), [f"#{one}" for one in told.talks]),
            (_("In models, which cannot unlearn (they are marked): {names}"), told.models),
        ):
            if names:
                words.append(said(text, names=", ".join(names)))
        if told.backups:
            words.append(
                said(
                    ngettext(
                        "{count} backup holds everything still; delete it if you do not need it.",
                        "{count} backups hold everything still; delete those that you do not need.",
                        told.backups,
                    ),
                    count=told.backups,
                )
            )

        def answered(yes: bool | None) -> None:
            if yes:
                self._forget(told.name)

        self.app.push_screen(NameDialog(SafeText("\n".join(words)), told.name), answered)

    @work(thread=True, exclusive=True, group="forget", name="forget", exit_on_error=False)
    def _forget(self, name: str) -> None:
        from core.workspace import people

        try:
            people.forget(self.workbench.workspace, name)
        except Problem as problem:
            self.app.call_from_thread(self.workbench.say_problem, problem)
        else:
            self.app.call_from_thread(self._do, lambda: None, said(_("“{name}” is forgotten."), name=name))

    def on_row_list_chosen(self) -> None:
        """What can be done with this person, to choose from."""
        self.workbench.action_palette()

    def commands(self) -> Iterator[Command]:
        row = self._people.row
        if row is None:
            return
        yield Command(said(_("Learn the voice of {name}"), name=row.name), "screen.voice", "v")
        yield Command(said(_("Consent of {name}: next state"), name=row.name), "screen.consent", "c")
        if self._marked - {row.name}:
            yield Command(said(_("Join the marked to {name}"), name=row.name), "screen.ask_join", "J")
        if len(row.names) > 1:
            yield Command(said(_("Split a name off {name}"), name=row.name), "screen.ask_split", "S")
        yield Command(said(_("Forget {name}"), name=row.name), "screen.ask_forget", "X")
