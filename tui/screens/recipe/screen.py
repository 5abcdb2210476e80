"""The recipe: every parameter at the left, changed in place, and beside it (below, when narrow) what it gives.

Each key press changes the working recipe in the store, so nothing is lost and every other screen and command sees it;
saving gives it a name and a version to compare with and go back to. Figures come from the workbench's own count: an
estimate at once, the exact ones as soon as they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.worker import get_current_worker

from core.language import N_, _, ngettext
from core.problem import Problem
from core.safe_text import SafeText
from core.workspace.opening import Cancelled
from tui.commands import Command
from tui.lines import said
from tui.screens.ask import AskDialog
from tui.screens.place import Heading
from tui.screens.recipe.example import ExampleBoard, ExampleDialog
from tui.screens.recipe.figures import Figures
from tui.screens.recipe.parameters import LIT, Meaning, ParameterList, paint_parameter
from tui.screens.recipe.plots import Plots
from tui.screens.recipe.saving import Saving
from tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from core.workspace.preview import ExampleShown, Shape
    from core.workspace.recipe import Counters, ParameterRow


class RecipeScreen(Saving):
    """The working recipe."""

    PLACE = "recipe"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's declaration
    CSS = """
    RecipeScreen #panes { height: 1fr; }
    RecipeScreen.-narrow #panes { layout: vertical; }
    RecipeScreen #left { width: 1fr; height: 1fr; }
    RecipeScreen #right { width: 1fr; height: 1fr; }
    RecipeScreen.-narrow Meaning { height: 3; }
    RecipeScreen.-narrow #right { height: 9; }
    RecipeScreen.-narrow .pane { display: none; }
    RecipeScreen.-narrow.view-figures #right { height: 6; }
    RecipeScreen.-narrow.view-figures Figures { display: block; height: 6; }
    RecipeScreen.-narrow.view-plots Plots { display: block; height: 9; }
    RecipeScreen.-narrow.view-example ExampleBoard { display: block; }
    RecipeScreen.-wide.view-example Figures { display: none; }
    RecipeScreen.-wide.view-example Plots { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "view", N_("view"), id="recipe.view"),
        Binding("r", "rules", N_("rules"), id="recipe.rules"),
        Binding("right_square_bracket", "example(1)", N_("next example"), id="recipe.next_example", show=False),
        Binding("left_square_bracket", "example(-1)", N_("example before"), id="recipe.previous_example", show=False),
        Binding("e", "whole_example", N_("examples"), id="recipe.example"),
        Binding("o", "conversation", N_("the example's conversation"), id="recipe.conversation", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.add_class("view-figures")
        self._rows: list[ParameterRow] = []
        self._looked_at: Counters | None = None
        self._view = 0
        self._example = 0

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield ParameterList(paint_parameter, lit=LIT, id="parameters")
                yield Meaning()
            with Vertical(id="right"):
                yield Figures()
                yield Plots()
                yield ExampleBoard()

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
            self._rows = recipe.parameters(workspace)
            parameters.take(self._rows)
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
        if counters != self._looked_at:
            self._looked_at = counters
            self._look()

    @work(thread=True, exclusive=True, group="preview", name="preview", exit_on_error=False)
    def _look(self) -> None:
        """Draw what the recipe gives: 80 ms at a million messages, so after the counters and beside the keys."""
        counting, worker, counters = self.workbench.counting, get_current_worker(), self._looked_at
        works = self.workbench.works
        try:
            if counters is not None and counters.exact and counters.examples:
                # They may be remembered, and be counted nowhere yet.
                with works.aside("preview", SafeText(_("counting the tokens of each example"))) as work:

                    def go_on(done: int, total: int) -> None:
                        if worker.is_cancelled:
                            raise Cancelled
                        work.progress(done, total)

                    with suppress(Cancelled):
                        counting.whole_counters(go_on)
            shape = counting.shape()
            if worker.is_cancelled:
                return  # newer ones are looked at already, and would wait for what nobody sees any more
            example = counting.example(self._example)
        except Problem:
            shape = example = None  # the counters say what is the matter
        if not worker.is_cancelled:
            self.app.call_from_thread(self._show_preview, shape, example)

    def _show_preview(self, shape: Shape | None, example: ExampleShown | None) -> None:
        self.query_one(Plots).show(shape)
        self.query_one(ExampleBoard).show(example)
        if example is not None:
            self._example = example.n

    def on_row_list_rested(self, event: RowList.Rested) -> None:
        self.query_one(Meaning).show(event.row_list.row)

    # Looking

    def action_view(self) -> None:
        """Another pane beside (or below) the parameters; where all have room, the example alone or all."""
        views = ("figures", "plots", "example") if self.has_class("-narrow") else ("figures", "example")
        self._view = (self._view + 1) % len(views)
        for view in ("figures", "plots", "example"):
            self.set_class(view == views[self._view], f"view-{view}")

    def action_example(self, by: int) -> None:
        self._example += by
        self._look()

    def action_whole_example(self) -> None:
        def go(one: ExampleShown | None) -> None:
            if one is not None:
                self._example = one.n
                self._go_to_example(one)

        self.app.push_screen(ExampleDialog(self._example, self.workbench.counting.example), go)

    def action_conversation(self) -> None:
        if (one := self.query_one(ExampleBoard).example) is not None:
            self._go_to_example(one)

    def _go_to_example(self, one: ExampleShown) -> None:
        if one.correction:
            self.workbench.say(SafeText(_("A correction of a model's reply: it stands in no chat.")))
        else:
            self.workbench.show_message(one.chat, one.message)

    def action_rules(self) -> None:
        from tui.screens.recipe.rules import RulesDialog

        rows: dict[str, ParameterRow] = {row.name: row for row in self._rows}
        self.app.push_screen(RulesDialog(self.workbench.workspace, lambda name: self._type(rows[name])))

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

    def commands(self) -> Iterator[Command]:
        yield from super().commands()
        yield Command(SafeText(_("What is left out and what is masked")), "screen.rules", "r")
        yield Command(SafeText(_("Read the examples")), "screen.whole_example", "e")
        yield Command(SafeText(_("The conversation of the example")), "screen.conversation", "o")
