"""Which pictures show which screen and dialog; tests/tui/test_every_picture.py holds this table against both."""

from __future__ import annotations

from typing import Final

# A class of tui -> names of pictures in tests/tui/pictures, each at two sizes and in both languages.
PICTURES: Final[dict[str, tuple[str, ...]]] = {
    "AccountScreen": (
        "account", "account_asking", "account_failed", "account_given_up", "account_jobs", "account_left",
        "account_limits", "account_marked", "account_models", "account_narrowed", "account_no_job_deleted",
        "account_older_shown", "account_other_provider", "account_own_model", "account_removed", "account_removing",
        "account_rest_stays", "account_waits",
    ),
    "AskDialog": (
        "account_base", "account_narrow", "account_older", "date", "page_settings", "recipe_build", "recipe_value", "tag",
        "untag", "weight",
    ),
    "CheckpointsDialog": ("run_checkpoints",),
    "ChooseDialog": ("account_dataset", "dataset_formats", "dataset_others", "recipe_presets", "recipe_versions"),
    "CompareScreen": ("runs_compared",),
    "ComparisonDialog": ("datasets_compared",),
    "ConfirmDialog": ("account_remove", "bulk", "join", "model_gguf", "model_merge", "page_confirm", "run_pause"),
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
    "NameDialog": ("account_remove_many", "delete", "forget", "model_delete", "page_sum"),
    "PageScreen": ("page", "page_failed", "page_settings_taken"),
    "PaletteDialog": ("filter", "palette", "people_menu", "voice"),
    "PeopleScreen": ("consent", "people"),
    "RecipeScreen": ("recipe", "recipe_view"),
    "ReportDialog": ("report",),
    "RulesDialog": ("recipe_rules",),
    "RunScreen": ("run",),
    "RunsScreen": ("runs",),
    "StartScreen": ("run_start",),
    "TalkScreen": ("talk", "talk_parameters", "talk_two"),
    "TextDialog": ("account_record", "account_record_empty", "model_card", "run_event"),
    "TokensDialog": ("talk_tokens",),
}  # fmt: skip


def belongs(name: str, screen: object) -> None:
    """What is drawn under this name is what the table says."""
    kind = type(screen).__name__
    assert name in PICTURES.get(kind, ()), f"“{name}” shows {kind}: tests/tui/pictures_table.py says otherwise"
