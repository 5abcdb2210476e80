"""Freezing a dataset and checking it, from the recipe screen and from the list of datasets alike.

Both go on beside the keys as the workbench's long work (`tui.work`): with progress, a time left, and esc to stop them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.figures import number
from tui.lines import said
from tui.screens.ask import AskDialog
from tui.screens.place import PlaceScreen

if TYPE_CHECKING:
    from core.workspace.findings import Fault, Findings
    from tui.work import Work


class Building(PlaceScreen):
    """What builds and checks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "build", N_("build a dataset"), id="datasets.build"),
        Binding("c", "check", N_("check"), id="datasets.check"),
        Binding("escape", "stop_work", N_("stop"), id="datasets.stop"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop_work":
            return self.workbench.works.first is not None
        return super().check_action(action, parameters)

    def action_stop_work(self) -> None:
        self.workbench.works.stop()

    def action_build(self) -> None:
        from core.workspace import datasets

        workspace, counting = self.workbench.workspace, self.workbench.counting

        def build(name: str) -> Callable[[Work], SafeText]:
            def run(work: Work) -> SafeText:
                made = counting.build(name, work.progress)
                return said(
                    _("Dataset “{name}”: {train} examples to train on, {validation} held out."),
                    name=made.name, train=number(made.train), validation=number(made.validation),
                )  # fmt: skip

            return run

        def done(typed: str | None) -> None:
            if typed is not None:
                title = said(_("building “{name}”"), name=typed)
                self.workbench.works.begin("build", title, build(typed), self.built)

        question = SafeText(_("Freeze what the recipe gives now, under which name?"))
        try:
            taken = {row.name for row in datasets.listing(workspace)}
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        free = next(name for n in range(1, 10_000) if (name := f"dataset-{n}") not in taken)
        self.app.push_screen(
            AskDialog(question, free, lambda name: datasets.check_name(workspace, name), suggested=True), done
        )

    def built(self) -> None:
        """A dataset was built, or its build ended otherwise."""

    def action_check(self) -> None:
        counting = self.workbench.counting
        self.check_with(SafeText(_("The recipe as it is now")), lambda work: counting.check_recipe(work.progress))

    def check_with(self, what: SafeText, look: Callable[[Work], Findings]) -> None:
        """Check beside the keys, then show what was found."""
        found: list[Findings] = []

        def run(work: Work) -> SafeText:
            found.append(look(work))
            return SafeText(_("Checked."))

        def show() -> None:
            from tui.screens.findings import FindingsDialog

            if found and self.is_current:
                self.app.push_screen(FindingsDialog(found[0], what), self._go_to)

        self.workbench.works.begin("check", said(_("checking: {what}"), what=what), run, show)

    def _go_to(self, fault: Fault | None) -> None:
        if fault is not None and fault.chat is not None:
            self.workbench.show_message(fault.chat, fault.message)

    def commands(self) -> Iterator[Command]:
        yield Command(SafeText(_("Build a dataset")), "screen.build", "b")
        yield Command(SafeText(_("Look for what would cost money or quality")), "screen.check", "c")
        yield from super().commands()
