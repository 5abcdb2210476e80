"""Values one key press apart."""

from __future__ import annotations

import pytest

from core.dataset.recipe import PARAMETERS, Recipe
from core.dataset.steps import stepped

LADDERS = [name for name, one in PARAMETERS.items() if one.sort in ("window", "count", "share") and name != "seed"]


@pytest.mark.parametrize("name", LADDERS)
def test_steps_lead_from_bound_to_bound_and_every_value_is_allowed(name: str) -> None:
    parameter = PARAMETERS[name]
    value, seen = stepped(parameter, parameter.low, -1), []
    assert value == parameter.low  # the ladder ends at the bound
    while value not in seen:
        seen.append(value)
        assert getattr(Recipe().changed({name: value, **_room_for(name, value)}), name) == value
        value = stepped(parameter, value, 1)
    assert 8 <= len(seen) < 60
    assert seen == sorted(seen)
    assert seen[-1] >= (parameter.high or 0) * 0.8 or parameter.sort == "count"
    assert stepped(parameter, seen[3], -1) == seen[2]


def _room_for(name: str, value: int) -> dict[str, int]:
    return {name.replace("min", "max"): 10_000} if name.startswith("min_") and name.endswith("chars") and value else {}


def test_a_typed_value_steps_to_its_neighbours() -> None:
    window = PARAMETERS["burst_window"]
    assert stepped(window, 47 * 60, 1) == 3600
    assert stepped(window, 47 * 60, -1) == 1800


def test_switches_turn_and_words_go_round() -> None:
    assert stepped(PARAMETERS["drop_media"], True, 1) is False
    assert stepped(PARAMETERS["drop_links"], "any", 1) == "keep"
    assert stepped(PARAMETERS["drop_links"], "keep", -1) == "any"
    assert stepped(PARAMETERS["persona"], "", 1, ["Nico", "Vera"]) == "Nico"
    assert stepped(PARAMETERS["persona"], "Nico", -1, ["Nico", "Vera"]) == "Vera"
    assert stepped(PARAMETERS["system_prompt"], "x", 1) == "x"
    assert stepped(PARAMETERS["seed"], 7, -1) == 6
    assert stepped(PARAMETERS["seed"], 0, -1) == 0
