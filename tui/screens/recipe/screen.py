"""The recipe: every parameter at the left, changed in place, and beside it (below, when narrow) what it gives.

Each key press changes the working recipe in the store, so nothing is lost and every other screen and command sees it;
saving gives it a name and a version to compare with and go back to. Figures come from the workbench's own count: an
estimate at once, the exact ones as soon as they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.lines import said
from tui.screens.ask import AskDialog
from tui.screens.place import Heading, PlaceScreen
from tui.screens.recipe.figures import Figures
from tui.screens.recipe.parameters import LIT, Meaning, ParameterList, paint_parameter
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from core.workspace.recipe import Counters, ParameterRow


class RecipeScreen(PlaceScreen):
    """The working recipe."""

    PLACE = "recipe"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's declaration
    CSS = """
    RecipeScreen #panes { height: 1fr; }
    RecipeScreen.-narrow #panes { layout: vertical; }
    RecipeScreen #left { width: 1fr; height: 1fr; }
    RecipeScreen #right { width: 1fr; height: 1fr; }
    RecipeScreen.-narrow #right { height: 9; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", N_("save"), id="recipe.save"),
        Binding("S", "save_as", N_("save under a name"), id="recipe.save_as", show=False),
        Binding("z", "revert", N_("back to the last save"), id="recipe.revert"),
    ]

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield ParameterList(paint_parameter, lit=LIT, id="parameters")
                yield Meaning()
            with Vertical(id="right"):
                yield Figures()

    # What changed

    def on_mount(self) -> None:
        super().on_mount()
        self.workspace_changed()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.workbench.count_again()  # what the last save gave is counted only for this screen

    def workspace_changed(self) -> None:
        from core.workspace import recipe, versions

        workspace = self.workbench.workspace
        parameters = self.query_one(ParameterList)
        try:
            parameters.take(recipe.parameters(workspace))
            last = versions.last(workspace)
            changed = len(versions.changes(workspace))
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self.query_one(Meaning).show(parameters.row)
        title = SafeText(_("Recipe"))
        if last is not None:
            title = said(_("Recipe “{name}”, version {version}"), name=last.name, version=last.version)
        if not changed:
            detail = _("saved") if last is not None else _("as it comes; nothing was saved yet")
        else:
            detail = ngettext("{n} change not saved", "{n} changes not saved", changed).format(n=changed)
        self.query_one(Heading).show(title, SafeText(detail))

    def take_counters(self, counters: Counters) -> None:
        super().take_counters(counters)
        self.query_one(Figures).show(counters, self.workbench.saved_counters)

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        self.query_one(Meaning).show(event.row_list.row)

    # Changing

    def on_parameter_list_stepped(self, event: ParameterList.Stepped) -> None:
        from core.workspace import recipe

        before: ParameterRow | None = self.query_one(ParameterList).row
        try:
            now = recipe.step(self.workbench.workspace, event.name, event.by)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        if before is not None and recipe.written(now, event.name) == before.value:
            if recipe.has_steps(self.workbench.workspace, event.name):
                self.workbench.say(said(_("{name} ends here: {bounds}"), name=event.name, bounds=before.bounds))
            else:
                self._type(before)
            return
        self.workbench.look_for_changes()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if event.row_list.row is not None:
            self._type(event.row_list.row)

    def _type(self, row: ParameterRow) -> None:
        from core.workspace import recipe

        def take(typed: str) -> None:
            recipe.change(self.workbench.workspace, {row.name: typed})

        question = said("{name}: {meaning}", name=row.name, meaning=row.meaning)
        if row.bounds:
            question = SafeText(question + said("\n{bounds}", bounds=row.bounds))
        self.app.push_screen(AskDialog(question, row.value, take), self._typed)

    def _typed(self, typed: str | None) -> None:
        if typed is not None:
            self.workbench.look_for_changes()

    # Saving

    def action_save(self) -> None:
        from core.workspace import versions

        try:
            if versions.last(self.workbench.workspace) is None:
                self.action_save_as()
                return
            self._saved(versions.save(self.workbench.workspace))
        except Problem as problem:
            self.workbench.say_problem(problem)

    def action_save_as(self) -> None:
        from core.workspace import versions

        made: list[Any] = []

        def take(typed: str) -> None:
            made.append(versions.save(self.workbench.workspace, typed))

        def done(typed: str | None) -> None:
            if typed is not None:
                self._saved(made[-1])

        name = versions.name(self.workbench.workspace)
        self.app.push_screen(AskDialog(SafeText(_("Save the recipe under which name?")), name, take), done)

    def _saved(self, row: Any) -> None:
        self.workbench.look_for_changes()
        self.workbench.say(said(_("Saved as “{name}”, version {version}."), name=row.name, version=row.version))

    def action_revert(self) -> None:
        from core.workspace import versions

        try:
            row = versions.revert(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        self.workbench.look_for_changes()
        self.workbench.say(said(_("Back to “{name}”, version {version}."), name=row.name, version=row.version))

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Save the recipe")), "screen.save", "s")
        yield Command(SafeText(_("Save the recipe under a name")), "screen.save_as", "S")
        yield Command(SafeText(_("Back to the last save")), "screen.revert", "z")
