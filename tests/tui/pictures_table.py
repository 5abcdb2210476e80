"""Which pictures show which screen and dialog; tests/tui/test_every_picture.py holds this table against both."""

from __future__ import annotations

from typing import Final

# A class of tui -> names of pictures in tests/tui/pictures, each at two sizes and in both languages.
PICTURES: Final[dict[str, tuple[str, ...]]] = {
    "AccountScreen": ("account",),  # test_account.py
    "AskDialog": ("date", "recipe_build", "recipe_value", "tag", "untag", "weight"),
    "CheckpointsDialog": ("run_checkpoints",),
    "ChooseDialog": ("dataset_formats", "dataset_others", "recipe_presets", "recipe_versions"),
    "CompareScreen": ("runs_compared",),
    "ComparisonDialog": ("datasets_compared",),
    "ConfirmDialog": ("bulk", "join", "model_gguf", "model_merge", "run_pause"),
    "ConversationsScreen": ("decided", "edit", "messages", "nothing", "search"),
    "DatasetsScreen": ("datasets",),
    "ExampleDialog": ("recipe_example",),
    "FilePicker": ("picker",),
    "FindingsDialog": ("dataset_check", "dataset_findings"),
    "HistoryDialog": ("talk_history",),
    "KeysDialog": ("keys", "keys_messages"),
    "LibraryScreen": ("chats", "first_start"),
    "MessageDialog": ("message",),
    "ModelsScreen": ("models",),
    "NameDialog": ("delete", "forget", "model_delete"),
    "PaletteDialog": ("filter", "palette", "people_menu", "voice"),
    "PeopleScreen": ("consent", "people"),
    "RecipeScreen": ("recipe", "recipe_view"),
    "ReportDialog": ("report",),
    "RulesDialog": ("recipe_rules",),
    "RunScreen": ("run",),
    "RunsScreen": ("runs",),
    "StartScreen": ("run_start",),
    "TalkScreen": ("talk", "talk_parameters", "talk_two"),
    "TextDialog": ("model_card", "run_event"),
    "TokensDialog": ("talk_tokens",),
}
# Those of the account that are still to be drawn, in test_account.py; to be emptied there.
TO_COME: Final = frozenset({"PageScreen"})


def belongs(name: str, screen: object) -> None:
    """What is drawn under this name is what the table says."""
    kind = type(screen).__name__
    assert name in PICTURES.get(kind, ()), f"“{name}” shows {kind}: tests/tui/pictures_table.py says otherwise"
