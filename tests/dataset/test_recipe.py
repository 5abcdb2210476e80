"""The recipe: every value checked where it is given, one form for each, and a hash that means the same everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import windows
from core.dataset.recipe import PARAMETERS, PRESETS, Recipe, preset
from core.problem import Misuse
from tests.dataset.chats import recipes


@given(recipes)
def test_a_recipe_survives_its_plain_form(recipe: Recipe) -> None:
    again = Recipe.from_dict(recipe.to_dict())
    assert again == recipe
    assert again.hash == recipe.hash
    assert recipe.diff(again) == {}


def test_windows_are_given_and_shown_as_people_write_them() -> None:
    recipe = Recipe.from_dict({"burst_window": "90s", "conversation_gap": "1h30m"})
    assert (recipe.burst_window, recipe.conversation_gap) == (90, 5_400)
    assert (recipe.to_dict()["burst_window"], recipe.to_dict()["conversation_gap"]) == ("90s", "90m")
    assert Recipe().to_dict()["burst_window"] == "1h"
    assert Recipe().to_dict()["conversation_gap"] == "3h"


@given(st.integers(0, 40_000_000))
def test_a_window_is_read_as_it_is_written(value: int) -> None:
    assert windows.seconds(windows.written(value)) == value


def test_a_decimal_comma_is_a_decimal_point() -> None:
    assert windows.seconds("1,5h") == windows.seconds("1.5h") == windows.seconds("90m")
    assert windows.seconds("1,500,000") is windows.seconds("1.5.0") is None
    assert Recipe().changed({"validation": "0,2"}).validation == 0.2


@pytest.mark.parametrize(
    "text",
    ["", "h", "1x", "-1h", "1h-", "uno", "1.0001s", "١h", "1h 30", "1 2", "9" * 13, "9" * 39 + "!", "1 " * 5_000 + "x"],
)
def test_what_says_no_length_of_time(text: str) -> None:
    assert windows.seconds(text) is None


def test_equal_recipes_have_equal_hashes_however_they_are_spelt() -> None:
    one = Recipe.from_dict({"burst_window": "60m", "mask": "phone, email", "include_stop": "yes", "validation": "10%"})
    other = Recipe.from_dict(
        {"burst_window": 3600, "mask": ["email", "phone"], "include_stop": True, "validation": 0.1}
    )
    assert one == other
    assert one.hash == other.hash
    assert one.hash != Recipe().hash


def test_the_hash_is_the_same_in_another_process() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from core.dataset.recipe import Recipe; print(Recipe(persona='Ñandú').hash)"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "3", "PATH": "", "PYTHONPATH": "."},
    )  # fmt: skip
    assert told.stdout.strip() == Recipe(persona="Ñandú").hash


def test_the_recipe_loads_nothing_heavy() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, core.dataset.recipe; print({'numpy', 'tiktoken'} & set(sys.modules))"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert told.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"burst_window": -1}, "burst_window must be between 0s and 30d"),
        ({"burst_window": "-1"}, "burst_window must be between 0s and 30d"),
        ({"conversation_gap": "soon"}, "conversation_gap must be between"),
        ({"burst_window": True}, "burst_window"),
        ({"buffer_size": -1}, "buffer_size must be between 0 and 1000"),
        ({"buffer_size": 1.5}, "buffer_size must be between"),
        ({"buffer_size": "four"}, "buffer_size must be between"),
        ({"buffer_size": "9" * 400}, "buffer_size must be between"),
        ({"validation": 1}, "validation must be between 0 and 0.9"),
        ({"validation": float("nan")}, "validation must be between"),
        ({"buffer_unit": "messages"}, "one of turns, exchanges"),
        ({"include_stop": "maybe"}, "true, false"),
        ({"mask": "face"}, "takes a list of email"),
        ({"separator": ""}, "separator takes a text of 1 to 64 characters"),
        ({"persona": 3}, "persona takes a text"),
        ({"drop_pattern": "("}, "no regular expression"),
        ({"min_chars": 5, "max_chars": 3}, "max_chars is below min_chars"),
    ],
)
def test_a_wrong_value_is_misuse_that_says_the_bounds(values: dict[str, Any], said: str) -> None:
    with pytest.raises(Misuse, match=said) as refused:
        Recipe.from_dict(values)
    assert refused.value.exit_code == 2


def test_an_unknown_key_is_misuse_with_the_nearest_name() -> None:
    with pytest.raises(Misuse, match="Did you mean burst_window"):
        Recipe.from_dict({"burst_windw": "1h"})
    with pytest.raises(Misuse, match="recipe show"):
        Recipe.from_dict({"zzzzqqq": 1})


@given(
    st.sampled_from(sorted(PARAMETERS)), st.text(max_size=12) | st.integers() | st.floats() | st.none() | st.booleans()
)
def test_any_value_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        recipe = Recipe.from_dict({name: value})
    except Misuse as refused:
        assert refused.what
    else:
        assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_every_parameter_says_what_it_is_and_within_what_bounds() -> None:
    for parameter in PARAMETERS.values():
        assert parameter.help.endswith("."), parameter.name
        assert parameter.sort in ("text", "list") or parameter.bounds, parameter.name
    promised = {"persona", "burst_window", "separator", "conversation_gap", "max_turns", "buffer_size", "buffer_unit"}
    promised |= {"include_stop", "system_prompt", "validation", "split", "near_duplicates", "model"}
    assert promised <= set(PARAMETERS)


def test_separators_have_names() -> None:
    named = {"newline": "\n", "tag": "<|msg_sep|>", "space": " ", "\\n": "\n", " <|msg_sep|> ": " <|msg_sep|> "}
    for name, meant in named.items():
        assert Recipe.from_dict({"separator": name}).separator == meant


def test_presets_are_recipes() -> None:
    for name in PRESETS:
        assert preset(name) != Recipe()
    assert (preset("whatsapp").buffer_size, preset("whatsapp").buffer_unit) == (4, "turns")
    assert (preset("csv").buffer_size, preset("csv").buffer_unit, preset("csv").include_stop) == (3, "exchanges", True)
    with pytest.raises(Misuse, match="whatsapp, csv, course"):
        preset("none")


def test_a_change_and_a_difference() -> None:
    changed = Recipe().changed({"burst_window": "30m"})
    assert Recipe().diff(changed) == {"burst_window": ("1h", "30m")}
