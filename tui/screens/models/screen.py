"""The models: what each was made from, how it did on what was held out, and what can be done with it.

Reads `core.workspace.models` and `evaluations`; merging and measuring are the engine's, in workers, so that keys are
answered meanwhile. One at a time: both take the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText, shown
from core.workspace import run_words
from tui.commands import Command
from tui.figures import number
from tui.lines import NOTHING, Line, fitted, said, wrapped
from tui.screens.place import Heading, PlaceScreen
from tui.themes import Palette
from tui.widgets.bars import Titles
from tui.widgets.board import Board
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.evaluations import PerplexityReport
    from core.workspace.models import ModelRow
    from core.workspace.opening import Workspace


@dataclass(frozen=True, slots=True)
class Model:
    """A model with what else is known of it."""

    row: ModelRow
    report: PerplexityReport | None
    ends: str


def paint_model(model: Model, _before: Model | None, width: int, chosen: bool, palette: Palette) -> Painted:
    """Kind, what the tuning did to the perplexity, the name, what it was made from."""
    row, report = model.row, model.report
    measured = "—"
    if report is not None:
        measured = f"{run_words.figure(report.base_pooled, 2)} → {run_words.figure(report.tuned_pooled, 2)}"
    line: Line = [
        (SafeText("▌ " if chosen else "  "), palette.accent),
        (fitted(SafeText(run_words.model_kind(row.kind)), 14), palette.muted),
        (fitted(said("{measured}", measured=measured), 18), palette.good if report is not None else palette.muted),
        (said("{name}", name=row.name), palette.strong),
        (said("  {what}", what=" · ".join(part for part in (row.dataset, row.base) if part)), palette.muted),
    ]
    if row.tainted:
        line.append((said("  {words}", words=_("holds words of a person who was forgotten")), palette.error))
    if model.ends:
        line.append((said("  {ends}", ends=model.ends), palette.warning))
    return Painted([line])


def titles(_width: int) -> list[SafeText]:
    """The titles over the columns of `paint_model`."""
    return [
        fitted(said("  {text}", text=_("kind")), 16),
        fitted(said("{text}", text=_("perplexity")), 18),
        said("{text}", text=_("model · dataset · base")),
    ]


class Lineage(Board):
    """Where the model under the cursor comes from."""

    DEFAULT_CSS = "Lineage { height: 12; max-height: 50%; }"

    def __init__(self) -> None:
        super().__init__(id="lineage")
        self._model: Model | None = None
        self._note: SafeText = NOTHING

    def show(self, model: Model | None) -> None:
        """Tell of this one."""
        self._model = model
        self.redraw()

    def note(self, text: SafeText) -> None:
        """What is being done."""
        self._note = text
        self.redraw()

    def draw(self, palette: Palette, width: int, height: int) -> list[Line]:
        lines: list[Line] = [[]]
        if self._model is not None:
            row = self._model.row
            told = [
                (_("base"), f"{row.base}  {row.base_sha256[:16]}"),
                (_("dataset"), row.dataset),
                (_("run"), row.run),
                (_("answers until"), self._model.ends),
                (_("folder"), str(row.folder) if row.kind != "remote" else ""),
            ]
            for name, value in told:
                if value.strip():
                    lines.append(
                        [(fitted(said("  {name}", name=name), 18), palette.muted), (said("{v}", v=value), palette.text)]
                    )
            if self._model.report is not None:
                for text in self._model.report.as_text():
                    for part in wrapped(said("{text}", text=text.strip()), width - 4):
                        lines.append([(said("  {part}", part=part), palette.text)])
        if self._note:
            lines = [*lines[: height - 2], [], [(said("  {note}", note=self._note), palette.accent)]]
        return lines


def read(workspace: Workspace) -> list[Model]:
    """The models, each with its last report and its end."""
    from core.workspace import evaluations, models

    return [Model(row, evaluations.last(workspace, row.name), row.ends) for row in models.listing(workspace)]


class ModelsScreen(PlaceScreen):
    """The list."""

    PLACE = "models"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "talk", N_("talk to it"), id="models.talk"),
        Binding("e", "evaluate", N_("measure"), id="models.evaluate"),
        Binding("m", "merge", N_("merge"), id="models.merge"),
        Binding("w", "gguf", N_("GGUF"), id="models.gguf"),
        Binding("c", "card", N_("card"), id="models.card"),
        Binding("D", "delete", N_("delete"), id="models.delete"),
    ]

    class Done(Message):
        """A worker has done its part: what to say, and what to read."""

        def __init__(self, text: SafeText, title: SafeText = NOTHING, body: SafeText = NOTHING) -> None:
            super().__init__()
            self.text, self.title, self.body = text, title, body

    class Failed(Message):
        """It came to nothing."""

        def __init__(self, problem: Problem) -> None:
            super().__init__()
            self.problem = problem

    class Said(Message):
        """How far it is."""

        def __init__(self, text: SafeText) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self._busy = False
        self._models: list[Model] = []

    def body(self) -> Iterable[Widget]:
        yield Titles(titles)
        yield RowList[Any](
            paint_model, id="models", empty=SafeText(_("No tuned models yet: a run that succeeds makes one."))
        )
        yield Lineage()

    def on_mount(self) -> None:
        super().on_mount()
        self.workspace_changed()

    def workspace_changed(self) -> None:
        try:
            models = read(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        row_list: RowList[Model] = self.query_one("#models", RowList)
        if models != self._models or not row_list.count:
            here = row_list.row
            place = next((at for at, one in enumerate(models) if here and one.row.name == here.row.name), None)
            self._models = models
            row_list.show(Listed(models), place)
        self.query_one(Titles).display = bool(models)
        words = ngettext("{n} model", "{n} models", len(models)).format(n=number(len(models)))
        self.query_one(Heading).show(SafeText(_("Models")), SafeText(words) if models else NOTHING)
        self._tell()

    def on_row_list_highlighted(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self.query_one(Lineage).show(self._chosen())
        self.refresh_bindings()

    def _chosen(self) -> Model | None:
        row_list: RowList[Model] = self.query_one("#models", RowList)
        return row_list.row

    # Acts

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action not in ("talk", "evaluate", "merge", "gguf", "card", "delete"):
            return True
        if not self.is_mounted or (model := self._chosen()) is None:
            return False
        if action == "talk":
            return True
        here = model.row.kind != "remote"
        return not self._busy and (here or action == "delete")

    def on_row_list_chosen(self) -> None:
        if self.check_action("card", ()):
            self.action_card()
        elif not self._busy:
            self.action_talk()  # what lies elsewhere has no card

    def action_talk(self) -> None:
        if (model := self._chosen()) is not None:
            self.workbench.talk_to(model.row.name)

    def action_card(self) -> None:
        from core.workspace import models
        from tui.screens.text import TextDialog

        if (model := self._chosen()) is None:
            return
        try:
            text = models.card_text(self.workbench.workspace, model.row.name)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self.app.push_screen(
            TextDialog(said(_("The card of {model}"), model=model.row.name), shown(text, limit=100_000))
        )

    def action_evaluate(self) -> None:
        if (model := self._chosen()) is not None:
            self._begin(said(_("Measuring {model} against its base …"), model=model.row.name))
            self._evaluate(model.row.name)

    def action_merge(self) -> None:
        from tui.screens.confirm import ConfirmDialog

        if (model := self._chosen()) is None:
            return
        question = said(_("Write {model} and its base as one plain folder?"), model=model.row.name)
        self.app.push_screen(ConfirmDialog(question), self._if_yes(lambda: self._merging(model.row.name)))

    def action_gguf(self) -> None:
        from tui.screens.confirm import ConfirmDialog

        if (model := self._chosen()) is None:
            return
        name = model.row.name

        def begin() -> None:
            self._begin(said(_("Writing {model} as GGUF …"), model=name))
            self._gguf(name)

        question = said(_("Write {model} as one GGUF file?"), model=name)
        self.app.push_screen(ConfirmDialog(question), self._if_yes(begin))

    def action_delete(self) -> None:
        from tui.screens.confirm import NameDialog

        if (model := self._chosen()) is None:
            return
        question = _("Delete {model} and its weights? Its run and its log stay.")
        if model.row.kind == "remote":
            question = _("Forget {model} here? At its provider it stays: the account screen removes it there.")
        dialog = NameDialog(said(question, model=model.row.name), model.row.name)
        self.app.push_screen(dialog, self._if_yes(lambda: self._delete(model.row.name)))

    @staticmethod
    def _if_yes(then: Callable[[], object]) -> Callable[[bool | None], None]:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        return answered

    def _delete(self, name: str) -> None:
        from core.workspace import models

        try:
            models.delete(self.workbench.workspace, name)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self.workspace_changed()
        self.workbench.say(said(_("{model} is deleted."), model=name))

    def _merging(self, name: str) -> None:
        self._begin(said(_("Merging {model} …"), model=name))
        self._merge(name)

    def _begin(self, words: SafeText) -> None:
        self._busy = True
        self.query_one(Lineage).note(words)
        self.refresh_bindings()

    @work(thread=True, group="model", name="measure a model", exit_on_error=False)
    def _evaluate(self, name: str) -> None:
        from core.workspace import evaluations

        def progress(done: int, total: int, _what: str) -> None:
            percent = 100 * done // max(1, total)
            self.post_message(self.Said(said(_("Measuring {model}: {percent} %"), model=name, percent=percent)))

        try:
            report = evaluations.perplexity(self.workbench.workspace, name, progress)
        except Problem as problem:
            self.post_message(self.Failed(problem))
        else:
            body = shown("\n".join(line.strip() for line in report.as_text()))
            title = said(_("{model} against {base}"), model=name, base=report.base)
            self.post_message(self.Done(SafeText(_("Measured.")), title, body))

    @work(thread=True, group="model", name="merge a model", exit_on_error=False)
    def _merge(self, name: str) -> None:
        from core.workspace import models

        try:
            folder, difference = models.merged(self.workbench.workspace, name)
        except Problem as problem:
            self.post_message(self.Failed(problem))
        else:
            words = said(
                _("Merged, with logits that differ by {difference} at most: {folder}"),
                folder=folder, difference=f"{difference:.1e}",
            )  # fmt: skip
            self.post_message(self.Done(words))

    @work(thread=True, group="model", name="write a GGUF file", exit_on_error=False)
    def _gguf(self, name: str) -> None:
        from core.workspace import gguf

        try:
            file = gguf.write(self.workbench.workspace, name)
        except Problem as problem:
            self.post_message(self.Failed(problem))
        else:
            self.post_message(self.Done(said(_("Written: {file}"), file=file)))

    def on_models_screen_said(self, event: Said) -> None:
        self.query_one(Lineage).note(event.text)

    def on_models_screen_failed(self, event: Failed) -> None:
        self._over()
        self.workbench.say_problem(event.problem)

    def on_models_screen_done(self, event: Done) -> None:
        from tui.screens.text import TextDialog

        self._over()
        self.workspace_changed()
        self.workbench.say(event.text)
        if event.body and self.app.screen is self:
            self.app.push_screen(TextDialog(event.title, event.body))

    def _over(self) -> None:
        self._busy = False
        self.query_one(Lineage).note(NOTHING)
        self.refresh_bindings()

    def commands(self) -> Iterator[Command]:
        for act, title, key in (
            ("talk", _("Talk to the model"), "t"),
            ("evaluate", _("Measure the model"), "e"),
            ("merge", _("Merge the model with its base"), "m"),
            ("gguf", _("Write the model as one GGUF file"), "w"),
            ("card", _("Show the model's card"), "c"),
            ("delete", _("Delete the model"), "D"),
        ):
            if self.check_action(act, ()):
                yield Command(SafeText(title), f"screen.{act}", key)
