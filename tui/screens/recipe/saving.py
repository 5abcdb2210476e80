"""The recipe as something that is kept: saving it, its versions, going back, beginning anew from a preset.

A part of the recipe screen, in a module of its own; everything here is a call of `core.workspace.versions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from core.language import N_, _
from core.problem import Problem
from core.safe_text import SafeText
from tui.commands import Command
from tui.lines import said
from tui.screens.ask import AskDialog
from tui.screens.building import Building
from tui.screens.choose import Choice, ChooseDialog


class Saving(Building):
    """What of the recipe screen saves and goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", N_("save"), id="recipe.save"),
        Binding("S", "save_as", N_("save under a name"), id="recipe.save_as", show=False),
        Binding("p", "presets", N_("presets"), id="recipe.presets", show=False),
        Binding("V", "versions", N_("versions"), id="recipe.versions", show=False),
        Binding("z", "revert", N_("back to the last save"), id="recipe.revert"),
        Binding("y", "copy", N_("copy"), id="recipe.copy", show=False),
    ]

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

    def action_presets(self) -> None:
        from core.workspace import versions

        try:
            rows = versions.presets(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        choices = [
            Choice(
                said("{name}", name=row.name),
                said("{meaning}\n{changes}", meaning=row.meaning, changes=_told(row.changes)),
            )
            for row in rows
        ]

        def done(chosen: int | None) -> None:
            if chosen is not None:
                versions.preset(self.workbench.workspace, rows[chosen].name)
                self.workbench.look_for_changes()
                self.workbench.say(said(_("The recipe is now the preset “{name}”."), name=rows[chosen].name))

        self.app.push_screen(ChooseDialog(SafeText(_("Begin anew from which preset?")), choices), done)

    def action_versions(self) -> None:
        from core.workspace import recipe, versions

        workspace = self.workbench.workspace
        try:
            rows = versions.listing(workspace)
            now = recipe.current(workspace)
            choices = [
                Choice(
                    said(
                        _("{name}, version {version}   {when}"),
                        name=row.name, version=row.version, when=row.saved_at[:16].replace("T", " "),
                    ),
                    said("{changes}", changes=_told(recipe.readable(row.values).diff(now))),
                )
                for row in rows
            ]  # fmt: skip
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        if not rows:
            self.workbench.say(SafeText(_("Nothing was saved yet; s saves.")))
            return

        def done(chosen: int | None) -> None:
            if chosen is not None:
                row = versions.take(workspace, rows[chosen].name, rows[chosen].version)
                self.workbench.look_for_changes()
                self.workbench.say(said(_("Back to “{name}”, version {version}."), name=row.name, version=row.version))

        question = SafeText(_("Go back to which version? Below: what was then → what is now."))
        self.app.push_screen(ChooseDialog(question, choices), done)

    def action_copy(self) -> None:
        from core.workspace import recipe
        from tui.copying import offer

        try:
            rows = recipe.parameters(self.workbench.workspace)
        except Problem as problem:
            self.workbench.say_problem(problem)
            return
        text = "".join(f"{row.name}={row.value}\n" for row in rows)
        offer(self.workbench, text, SafeText(_("the recipe")), "recipe.txt")

    def commands(self) -> Iterator[Command]:
        yield from super().commands()
        yield Command(SafeText(_("Save the recipe")), "screen.save", "s")
        yield Command(SafeText(_("Save the recipe under a name")), "screen.save_as", "S")
        yield Command(SafeText(_("Back to the last save")), "screen.revert", "z")
        yield Command(SafeText(_("Begin anew from a preset")), "screen.presets", "p")
        yield Command(SafeText(_("Copy the recipe")), "screen.copy", "y")
        yield Command(SafeText(_("Versions, and what changed since")), "screen.versions", "V")


def _told(changes: Mapping[str, tuple[Any, Any]]) -> str:
    """What changes, in a line: burst_window 1h → 30m."""
    if not changes:
        return _("nothing differs")
    return ", ".join(f"{name} {_short(was)} → {_short(now)}" for name, (was, now) in changes.items())


def _short(value: Any) -> str:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value).replace("\n", "\\n") or "—"
    return text if len(text) <= 24 else text[:23] + "…"
