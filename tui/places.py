"""The screens that number keys lead to. A new one is a line here; its module is imported when it is first shown."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from core.language import N_

if TYPE_CHECKING:
    from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class Place:
    """One screen of the workbench."""

    name: str  # its mode, and the end of its binding's id
    key: str
    title: str  # for N_
    module: str
    attribute: str

    def screen(self) -> Screen[Any]:
        """The screen, made anew."""
        made: Screen[Any] = getattr(importlib.import_module(self.module), self.attribute)()
        return made


PLACES: Final = (
    Place("chats", "1", N_("Chats"), "tui.screens.library", "LibraryScreen"),
    Place("messages", "2", N_("Messages"), "tui.screens.conversations.screen", "ConversationsScreen"),
    Place("recipe", "3", N_("Recipe"), "tui.screens.recipe.screen", "RecipeScreen"),
    Place("datasets", "4", N_("Datasets"), "tui.screens.datasets.screen", "DatasetsScreen"),
    Place("runs", "5", N_("Runs"), "tui.screens.runs.listing", "RunsScreen"),
    Place("models", "6", N_("Models"), "tui.screens.models.screen", "ModelsScreen"),
    Place("talk", "7", N_("Talk"), "tui.screens.talk.screen", "TalkScreen"),
    Place("account", "8", N_("Account"), "tui.screens.account.listing", "AccountScreen"),
)
