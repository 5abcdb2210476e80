"""Starting a run: what on, where, on which base, with which settings, and what it would take before it is started.

The settings and the prediction are those of `sinsonte train start` (core.workspace.starting). Measuring opens the base and
takes one real step, in a process of the engine, so it takes seconds and is done when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText, shown_in_line
from core.workspace import run_words
from tui.commands import Command
from tui.lines import NOTHING, Line, fitted, said, wrapped
from tui.screens.place import Heading, PlaceScreen
from tui.screens.runs.painting import WIDE
from tui.themes import Palette
from tui.widgets.board import Board
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.runs import RunRow
    from core.workspace.starting import Prediction

LIT = 46  # columns that the cursor lights: the name and the value, not what it means
_ASKED = ("dataset", "where", "base")
CORRECTIONS, PREFERENCES = "corrections", "dpo"  # what stands in the form when pairs of replies are learnt from


@dataclass(slots=True)
class Field:
    """One line of the form."""

    key: str
    name: str
    value: str
    usual: str
    means: str
    choices: tuple[str, ...] = ()


def paint_field(row: Field, _before: Field | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """The name, the value (in colour when it is not what is usual), and what it means where that has room beside them."""
    ground = palette.chosen if chosen else palette.ground
    ink = palette.accent if row.value != row.usual else palette.text
    mark = "·" if row.value != row.usual else " "
    line: Line = [
        (SafeText("▌" if chosen else " "), ground + palette.accent),
        (fitted(said(" {name}", name=row.name), 22), ground + palette.muted),
        (fitted(said("{mark} {value}", mark=mark, value=row.value or "—"), LIT - 23), ground + ink),
    ]
    if width >= WIDE:
        line.append((said("  {means}", means=row.means), palette.muted))
    return Painted([line])


class Meant(Board):
    """What the field under the cursor means, where the list has no room for it."""

    DEFAULT_CSS = "Meant { height: 3; display: none; } .-narrow Meant { display: block; }"
    SCOPED_CSS = False  # how wide there is room is a class of the screen's

    def __init__(self) -> None:
        super().__init__(id="meant")
        self._field: Field | None = None

    def show(self, field: Field | None) -> None:
        """Tell of this one."""
        self._field = field
        self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        means = said("{means}", means=self._field.means) if self._field is not None else NOTHING
        return [
            [],
            *([(said("  {line}", line=line), palette.muted)] for line in wrapped(means, width - 4, height - 1)),
        ]


class Found(Board):
    """What the dry run found, or what is to be known."""

    DEFAULT_CSS = "Found { height: 4; }"

    def __init__(self) -> None:
        super().__init__(id="found")
        self._text: SafeText = NOTHING

    def show(self, text: SafeText) -> None:
        """Say this."""
        self._text = text
        self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        return [
            [],
            *([(said("  {line}", line=line), palette.strong)] for line in wrapped(self._text, width - 4, height - 1)),
        ]


class StartScreen(PlaceScreen):
    """The form."""

    PLACE = "runs"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE + 1, "-wide")]  # noqa: RUF012 - Textual's declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", N_("start"), id="start.start"),
        Binding("d", "measure", N_("measure"), id="start.measure"),
        Binding("escape,h,left", "back", N_("runs"), id="start.back"),
    ]

    class Measured(Message):
        """The dry run's figures."""

        def __init__(self, told: Prediction) -> None:
            super().__init__()
            self.told = told

    class Said(Message):
        """How far the work is."""

        def __init__(self, text: SafeText) -> None:
            super().__init__()
            self.text = text

    class Failed(Message):
        """It did not come to anything."""

        def __init__(self, problem: Problem) -> None:
            super().__init__()
            self.problem = problem

    class Started(Message):
        """The run is under way."""

        def __init__(self, row: RunRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, dataset: str = "") -> None:
        super().__init__()
        self._dataset = dataset
        self._fields: list[Field] = []
        self._busy = False

    def body(self) -> Iterable[Widget]:
        yield RowList[Any](paint_field, lit=LIT, id="form")
        yield Meant()
        yield Found()

    def on_mount(self) -> None:
        super().on_mount()
        from core.workspace import starting

        workspace = self.workbench.workspace
        try:
            made = starting.materials(workspace)
            dataset = self._dataset or (made[0] if made else "")
            bases, places = tuple(starting.bases(workspace)), tuple(starting.places(workspace))
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self._fields = [
            Field("dataset", _("dataset"), dataset, dataset, _("what it learns from"), tuple(made)),
            Field("where", _("where"), places[0], places[0], _("this machine, or a cluster's profile"), places),
            Field("base", _("base"), bases[0], bases[0], _("a folder, a model's name, or mini, the toy"), bases),
        ]
        self._fields += [
            Field(one.key, one.key, one.usual, one.usual, _(one.means), one.choices)
            for one in starting.settings(bases[0])
        ]
        if CORRECTIONS not in made:
            method = self._field("method")
            method.choices = tuple(one for one in method.choices if one != PREFERENCES)
        self._fields.append(Field("other", _("more"), "", "", _("KEY=VALUE, as on the command line")))
        self.query_one(Heading).show(SafeText(_("Start a run")), SafeText(_("nothing is started before s")))
        self._agree("dataset")
        self._show()
        words = _("d opens the base, takes one real step, and tells memory and time.")
        if not made:
            words = _("There is no dataset yet: build one, then come back.")
        self.query_one(Found).show(SafeText(words))

    def _show(self) -> None:
        row_list: RowList[Field] = self.query_one("#form", RowList)
        row_list.show(Listed(self._fields))
        self.query_one(Meant).show(row_list.row)

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        self.query_one(Meant).show(event.row_list.row)

    # What is in the form

    def _field(self, key: str) -> Field:
        return next(one for one in self._fields if one.key == key)

    def _value(self, key: str) -> str:
        return next((one.value for one in self._fields if one.key == key), "")

    def _options(self) -> dict[str, str]:
        """What differs from what is usual, and what was typed as KEY=VALUE."""
        options = {
            one.key: one.value for one in self._fields if one.key not in (*_ASKED, "other") and one.value != one.usual
        }
        from core.workspace import starting

        return options | starting.pairs_in(self._value("other"))

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        from tui.screens.ask import AskDialog
        from tui.screens.choose import Choice, ChooseDialog

        field: Field | None = event.row_list.row
        if field is None:
            return
        question = said("{name}: {means}", name=field.name, means=field.means)
        if field.choices and not (field.key == "base" and len(field.choices) == 1):
            choices = [*field.choices, *([_("another …")] if field.key == "base" else [])]

            def chosen(at: int | None) -> None:
                if at is not None and at < len(field.choices):
                    self._set(field, field.choices[at])
                elif at is not None:
                    self.app.push_screen(AskDialog(question, field.value), lambda text: self._set(field, text))

            at = field.choices.index(field.value) if field.value in field.choices else 0
            self.app.push_screen(ChooseDialog(question, [Choice(shown_in_line(one)) for one in choices], at), chosen)
            return
        self.app.push_screen(
            AskDialog(question, field.value, lambda text: self._check(field, text)), lambda text: self._set(field, text)
        )

    def _check(self, field: Field, text: str) -> None:
        from core.workspace import starting

        if field.key in ("other", "base"):
            return  # looked at when it is started: a cluster's keys stand there too
        starting.check(self._value("base"), {field.key: text.strip() or field.usual})

    def _set(self, field: Field, value: str | None) -> None:
        if value is None:
            return
        field.value = value.strip() or field.usual
        self._agree(field.key)
        self._show()

    def _agree(self, changed: str) -> None:
        """Let the form be of one piece: preferences are learnt from corrections, everything else from a dataset, and what
        is usual hangs on the base and the method."""
        dataset, method = self._field("dataset"), self._field("method")
        if changed == "dataset":
            if (dataset.value == CORRECTIONS) != (method.value == PREFERENCES):
                method.value = PREFERENCES if dataset.value == CORRECTIONS else method.usual
        elif changed == "method":
            of_pairs = method.value == PREFERENCES
            if of_pairs != (dataset.value == CORRECTIONS):
                others = [one for one in dataset.choices if one != CORRECTIONS]
                dataset.value = CORRECTIONS if of_pairs else others[0] if others else ""
        self._usual_for(self._value("base"), method.value)

    def _usual_for(self, base: str, method: str) -> None:
        from core.workspace import starting

        usual = {one.key: one.usual for one in starting.settings(base, method)}
        for one in self._fields:
            if one.key in usual:
                one.value = usual[one.key] if one.value == one.usual else one.value
                one.usual = usual[one.key]

    # Acts

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("start", "measure"):
            return not self._busy and bool(self._value("dataset"))
        return True

    def action_back(self) -> None:
        self.dismiss()

    def action_measure(self) -> None:
        self._begin(_("Measuring: opening the base and taking one step …"))
        self._measure()

    def action_start(self) -> None:
        from core.workspace import starting
        from tui.screens.confirm import ConfirmDialog

        question = said(
            _("Start a run of “{dataset}” on {base}, {where}?"),
            dataset=self._value("dataset"), base=self._value("base"), where=self._value("where"),
        )  # fmt: skip
        if warned := starting.warning(self._value("where")):
            question = SafeText(f"{question}\n\n{shown_in_line(warned)}")

        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(_("Starting …"))
                self._start()

        self.app.push_screen(ConfirmDialog(question), answered)

    def _begin(self, words: str) -> None:
        self._busy = True
        self.query_one(Found).show(SafeText(words))
        self.refresh_bindings()

    def _progress(self, done: int, total: int, _what: str) -> None:
        percent = 100 * done // max(1, total)
        self.post_message(self.Said(said(_("Building the toy model, once: {percent} %"), percent=percent)))

    @work(thread=True, group="measure", name="measure a run", exit_on_error=False)
    def _measure(self) -> None:
        from core.workspace import starting

        try:
            told = starting.dry_run(
                self.workbench.workspace, self._value("dataset"), model=self._value("base"),
                options=starting.placed(self.workbench.workspace, self._value("where"), self._options())[2],
                progress=self._progress,
            )  # fmt: skip
        except Problem as problem:
            self.post_message(self.Failed(problem))
        else:
            self.post_message(self.Measured(told))

    @work(thread=True, group="start", name="start a run", exit_on_error=False)
    def _start(self) -> None:
        from core.workspace import runs

        try:
            row = runs.start(
                self.workbench.workspace, self._value("dataset"), model=self._value("base"),
                backend=self._value("where"), options=self._options(), progress=self._progress,
            )  # fmt: skip
        except Problem as problem:
            self.post_message(self.Failed(problem))
        else:
            self.post_message(self.Started(row))

    def on_start_screen_said(self, event: Said) -> None:
        self.query_one(Found).show(event.text)

    def on_start_screen_failed(self, event: Failed) -> None:
        self._busy = False
        self.query_one(Found).show(shown_in_line(str(event.problem)))
        self.refresh_bindings()

    def on_start_screen_measured(self, event: Measured) -> None:
        self._busy = False
        self.query_one(Found).show(shown_in_line(run_words.prediction(event.told.as_json())))
        self.refresh_bindings()

    def on_start_screen_started(self, event: Started) -> None:
        from tui.screens.runs.run import RunScreen

        self.app.switch_screen(RunScreen(event.row))

    def commands(self) -> Iterator[Command]:
        if self.check_action("start", ()):
            yield Command(SafeText(_("Start the run")), "screen.start", "s")
            yield Command(SafeText(_("Measure what it would take")), "screen.measure", "d")
