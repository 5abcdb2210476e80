"""The frozen datasets: building, reading, checking, comparing, writing out and deleting them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.worker import get_current_worker

from core.language import N_, _, ngettext
from core.problem import Misuse, Problem, Refused
from core.safe_text import SafeText
from core.workspace.opening import Cancelled
from tui.commands import Command
from tui.figures import number
from tui.lines import NOTHING, Line, fitted, said
from tui.screens.ask import AskDialog
from tui.screens.building import Building
from tui.screens.choose import Choice, ChooseDialog
from tui.screens.confirm import ConfirmDialog
from tui.screens.datasets.summary import Summary
from tui.screens.place import Heading
from tui.screens.recipe.example import ExampleDialog
from tui.themes import Palette
from tui.widgets.bars import Titles
from tui.widgets.row_list import Listed, Painted, RowList

if TYPE_CHECKING:
    from core.workspace.datasets import DatasetRow
    from core.workspace.preview import ExampleShown, FrozenShape
    from tui.work import Work


def _moment(created_at: str) -> SafeText:
    """2026-06-12 22:14."""
    return SafeText(created_at[:16].replace("T", " "))


def paint_dataset(row: DatasetRow, _before: DatasetRow | None, _width: int, chosen: bool, palette: Palette) -> Painted:
    """When, how many on each side, and at the end the name."""
    line: Line = [
        (SafeText("▌ " if chosen else "  "), palette.accent),
        (_moment(row.created_at), palette.muted),
        (fitted(SafeText(number(row.train)), 10, right=True), palette.text),
        (fitted(SafeText(f" + {number(row.validation)}"), 12), palette.muted),
        (said("  {name}", name=row.name), palette.error if row.tainted else palette.strong),
    ]
    return Painted([line])


def titles(_width: int) -> list[SafeText]:
    """The titles over the columns of `paint_dataset`."""
    return [
        fitted(said("  {text}", text=_("made")), 18),
        fitted(said("{text}", text=_("train")), 10, right=True),
        fitted(said(" + {text}", text=_("held out")), 12),
        said("  {text}", text=_("name")),
    ]


class DatasetsScreen(Building):
    """All datasets."""

    PLACE = "datasets"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's declaration
    CSS = """
    DatasetsScreen #panes { height: 1fr; }
    DatasetsScreen #left { height: 1fr; width: 1fr; }
    DatasetsScreen.-narrow #panes { layout: vertical; }
    DatasetsScreen.-narrow Summary { height: 12; max-height: 70%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "export", N_("write files"), id="datasets.export"),
        Binding("d", "compare", N_("compare"), id="datasets.compare"),
        Binding("x", "delete", N_("delete"), id="datasets.delete"),
    ]

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Titles(titles)
                yield RowList[Any](paint_dataset, id="datasets", empty=SafeText(_("No datasets yet: b builds one.")))
            yield Summary()

    @property
    def _list(self) -> RowList[DatasetRow]:
        return self.query_one("#datasets", RowList)

    def on_mount(self) -> None:
        super().on_mount()
        self.workspace_changed()

    def workspace_changed(self) -> None:
        from core.workspace import datasets

        row_list = self._list
        try:
            rows = datasets.listing(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        here = row_list.row
        if not isinstance(row_list.source, Listed) or row_list.source.listed != rows:
            place = next((at for at, row in enumerate(rows) if here is not None and row.id == here.id), None)
            row_list.show(Listed(rows), place)
        self.query_one(Titles).display = bool(rows)
        detail = ngettext("{n} dataset", "{n} datasets", len(rows)).format(n=number(len(rows)))
        self.query_one(Heading).show(SafeText(_("Datasets")), SafeText(detail) if rows else NOTHING)
        self.refresh_bindings()
        self._tell()

    def built(self) -> None:
        if self.is_current:
            self._list.go_to(0)

    # The one under the cursor

    def on_row_list_rested(self) -> None:
        self._tell()

    def _tell(self) -> None:
        from core.workspace import corrections, recipe

        row = self._list.row
        newer = 0
        try:
            now = recipe.current(self.workbench.workspace)
            # The labels are the dataset's own, pinned when it was frozen.
            labels = {"persona_label": now.persona_label, "other_label": now.other_label}
            changes = recipe.readable(row.recipe).changed(labels).diff(now) if row is not None else {}
            newer = corrections.newer_than(self.workbench.workspace, row) if row is not None else 0
        except Problem:
            changes = {}  # a recipe of another version
        self.query_one(Summary).show(row, changes, newer)
        if row is not None:
            self._look(row.name)

    @work(thread=True, exclusive=True, group="shape", name="statistics", exit_on_error=False)
    def _look(self, name: str) -> None:
        worker = get_current_worker()

        def go_on(_done: int, _all: int) -> None:
            if worker.is_cancelled:
                raise Cancelled

        try:
            shape = self.workbench.counting.frozen_shape(name, go_on)
        except (Cancelled, Problem):
            return  # the cursor went on, or the dataset was deleted meanwhile
        self.app.call_from_thread(self._take_shape, name, shape)

    def _take_shape(self, name: str, shape: FrozenShape) -> None:
        self.query_one(Summary).take_shape(name, shape)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("export", "delete", "check", "compare"):
            return self.is_mounted and self._list.count > (1 if action == "compare" else 0)
        return super().check_action(action, parameters)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        row: DatasetRow | None = event.row_list.row
        if row is None:
            return
        counting, name = self.workbench.counting, row.name

        def go(one: ExampleShown | None) -> None:
            if one is not None and one.chat:
                self.workbench.show_message(one.chat, one.message)

        self.app.push_screen(ExampleDialog(0, lambda n: counting.frozen_example(name, n)), go)

    def action_check(self) -> None:
        if (row := self._list.row) is not None:
            counting, name = self.workbench.counting, row.name
            self.check_with(said("{name}", name=name), lambda work: counting.check_dataset(name, work.progress))

    def action_compare(self) -> None:
        from core.workspace import datasets, differences
        from core.workspace.differences import Comparison

        row = self._list.row
        if row is None:
            return
        workspace = self.workbench.workspace
        others = [one for one in datasets.listing(workspace) if one.id != row.id]
        choices = [
            Choice(said("{name}", name=one.name), said("{when}", when=_moment(one.created_at))) for one in others
        ]
        found: list[Comparison] = []

        def show() -> None:
            from tui.screens.datasets.comparison import ComparisonDialog

            if found and self.is_current:
                self.app.push_screen(ComparisonDialog(found[0]))

        def chosen(place: int | None) -> None:
            if place is None:
                return
            other = others[place].name

            def run(work: Work) -> SafeText:
                found.append(differences.compare(workspace, row.name, other, work.progress))
                return SafeText(_("Compared."))

            self.workbench.works.begin("compare", said(_("comparing with “{name}”"), name=other), run, show)

        self.app.push_screen(ChooseDialog(said(_("Compare “{name}” with which?"), name=row.name), choices), chosen)

    # Writing out and deleting

    def action_export(self) -> None:
        from core.workspace import datasets

        if (row := self._list.row) is None:
            return
        formats = datasets.formats()
        choices = [Choice(said("{name} {words}", name=f"{name:<18}", words=words)) for name, words in formats]

        def chosen(place: int | None) -> None:
            if place is not None:
                self._ask_folder(row, formats[place][0])

        self.app.push_screen(ChooseDialog(said(_("Write “{name}” in which format?"), name=row.name), choices), chosen)

    def _ask_folder(self, row: DatasetRow, form: str) -> None:
        suggested = self.workbench.workspace.folder / "exports" / f"{row.name}-{form}"

        def done(typed: str | None) -> None:
            if typed is not None:
                self._export(row, form, Path(typed.strip()).expanduser(), force=False)

        def take(typed: str) -> None:
            if not typed.strip():
                raise Misuse(_("no folder was named."))

        self.app.push_screen(AskDialog(SafeText(_("Into which folder?")), str(suggested), take), done)

    def _export(self, row: DatasetRow, form: str, folder: Path, *, force: bool) -> None:
        from core.workspace import datasets

        workspace = self.workbench.workspace
        refused: list[Refused] = []

        def run(work: Work) -> SafeText:
            try:
                made = datasets.export(workspace, row.name, form, folder, force=force, progress=work.progress)
            except Refused as problem:
                refused.append(problem)
                raise
            files = ", ".join(f"{one.path.name} ({number(one.examples)})" for one in made)
            return said(_("Written to {folder}: {files}"), folder=folder, files=files)

        def then() -> None:
            if refused and self.is_current:
                question = said(_("{folder}: {what}\n\nReplace it?"), folder=refused[0].where, what=refused[0].what)
                self.app.push_screen(ConfirmDialog(question), replace)

        def replace(yes: bool | None) -> None:
            if yes:
                self._export(row, form, folder, force=True)

        self.workbench.works.begin("export", said(_("writing “{name}”"), name=row.name), run, then)

    def action_delete(self) -> None:
        from core.workspace import datasets

        if (row := self._list.row) is None:
            return

        def take(typed: str) -> None:
            if typed.strip() != row.name:
                raise Misuse(_("that is not its name."))
            datasets.delete(self.workbench.workspace, row.name)

        def done(typed: str | None) -> None:
            if typed is not None:
                self.workbench.look_for_changes()
                self.workbench.say(said(_("Deleted: {name}."), name=row.name))

        question = said(_("Delete “{name}” for good? Type its name."), name=row.name)
        self.app.push_screen(AskDialog(question, "", take), done)

    def commands(self) -> Iterator[Command]:
        acts: tuple[tuple[str, str, str], ...] = (
            (N_("Write the dataset's files"), "export", "w"), (N_("Compare it with another"), "compare", "d"),
            (N_("Delete the dataset"), "delete", "x"),
        )  # fmt: skip
        for title, action, key in acts:
            if self.check_action(action, ()):
                yield Command(SafeText(_(title)), f"screen.{action}", key)
        yield from super().commands()
