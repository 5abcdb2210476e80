"""Money at a priced endpoint: what a reply cost, by which price and of which day; and that one's own machine is free."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from core import settings
from core.counting import using
from core.store import models as stored
from core.workspace import talking
from core.workspace.opening import open_workspace
from tests.cloud import server
from tests.cloud.conftest import Say
from tests.tui.hosts import until
from tui.app import Workbench

TUNED = "ft:gpt-4.1-mini-2025-04-14:org-tests::1"
OLD = """
as_of = 2026-01-01
currency = "EUR"
source = "a contract"
[[model]]
name = "lab-base"
input = 2
output = 10
"""


@pytest.fixture
def priced(provider: server.Provider) -> server.Provider:
    """A provider with a tuned model of a known price, and a base that the package knows."""
    provider.world.add_model(TUNED, "org-tests")
    provider.world.add_model("gpt-4.1-mini", "openai")
    return provider


def own_prices(tmp_path: Path) -> None:
    """A file of prices of one's own, of long ago."""
    file = tmp_path / "prices.toml"
    file.write_text(OLD, encoding="utf-8")
    settings.change("prices", str(file))


def test_a_tuned_model_costs_what_the_dated_list_says(
    workspace_folder: Path, priced: server.Provider, say: Say
) -> None:
    code, out, err = say("--json", "ask", f"oai:{TUNED}", "¿y?")
    told = json.loads(out)
    assert code == 0
    assert (told["prompt_tokens"], told["reply_tokens"]) == (7, 3)
    assert Decimal(told["cost"]) == (7 * Decimal("0.8") + 3 * Decimal("3.2")) / 1_000_000
    assert (told["currency"], told["price"]["as_of"], told["price"]["old"]) == ("USD", "2026-11-20", False)
    assert "until 2027-01-14" in told["ends"] and "until 2027-01-14" in err


def test_cached_and_reasoning_tokens_are_told_and_paid_as_they_are(
    workspace_folder: Path, priced: server.Provider, say: Say
) -> None:
    priced.usage = {
        "prompt_tokens": 1000, "completion_tokens": 300, "total_tokens": 1300,
        "prompt_tokens_details": {"cached_tokens": 600}, "completion_tokens_details": {"reasoning_tokens": 200},
    }  # fmt: skip
    told = json.loads(say("--json", "ask", "oai:gpt-4.1-mini", "¿y?")[1])
    assert (told["cached_tokens"], told["reasoning_tokens"]) == (600, 200)
    price = {name: Decimal(told["price"][name]) for name in ("input", "cached", "output")}
    assert price["cached"] < price["input"]
    # What it thought is part of the 300 that the server counts: it is paid once.
    paid = 400 * price["input"] + 600 * price["cached"] + 300 * price["output"]
    assert Decimal(told["cost"]) == paid / 1_000_000
    assert told["price"]["as_of"], "the package's newest day"


@pytest.mark.parametrize("odd", ["x", [1], {"cached_tokens": "many"}, {"cached_tokens": -5}, {"cached_tokens": 10**9}])
def test_odd_counts_of_a_server_make_no_odd_sum(
    workspace_folder: Path, priced: server.Provider, say: Say, odd: object
) -> None:
    priced.usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10, "prompt_tokens_details": odd}
    code, out, _err = say("--json", "ask", "oai:gpt-4.1-mini", "¿y?")
    told = json.loads(out)
    assert code == 0 and not told["cut_off"]
    assert 0 < Decimal(told["cost"]) <= (7 * Decimal("0.4") + 3 * Decimal("1.6")) / 1_000_000


def test_compare_and_chat_tell_it_too(
    workspace_folder: Path, priced: server.Provider, say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ("compare", f"oai:{TUNED}", "lab:lab-base", "¿y?", "--temperatures", "1")
    told = [json.loads(line) for line in say("--json", *words)[1].splitlines()]
    assert [(one["cost"], one["price"]["free"]) for one in told] == [("0.0000152", False), ("0", True)]
    _code, out, err = say(*words)
    assert "USD 0.000015" in out and "prices of 2026-11-20" in err and "costs nothing" in err
    questions = tmp_path / "questions"
    questions.write_text("¿y?\n", encoding="utf-8")
    with questions.open(encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdin", file)
        code, out, err = say("--json", "chat", f"oai:{TUNED}")
    assert code == 0 and json.loads(out.splitlines()[0])["cost"] == "0.0000152"
    assert "until 2027-01-14" in err


def test_an_old_price_of_ones_own_says_that_it_is_old(
    workspace_folder: Path, priced: server.Provider, say: Say, tmp_path: Path
) -> None:
    own_prices(tmp_path)
    told = json.loads(say("--json", "ask", "lab:lab-base", "¿y?")[1])
    assert (told["currency"], told["price"]["old"], told["price"]["source"]) == ("EUR", True, "a contract")
    assert Decimal(told["cost"]) == Decimal(44) / 1_000_000
    _code, _out, err = say("compare", "lab:lab-base", "oai:gpt-4.1-mini", "¿y?", "--temperatures", "1")
    assert "days old: check them" in err


def test_a_price_is_its_providers_alone(workspace_folder: Path, priced: server.Provider) -> None:
    settings.change("endpoints.far.base_url", "https://models.invalid/v1")
    with open_workspace(workspace_folder, settings.load()) as workspace:
        price = {
            name: talking.speaker_named(workspace, name).price
            for name in ("far:gpt-4.1-mini", "lab:gpt-4.1-mini", "mini", f"azure:{TUNED}", "oai:gpt-4.1-mini")
        }
    assert price["far:gpt-4.1-mini"] is None, "somebody else's server has its own prices, and we know none"
    assert price["lab:gpt-4.1-mini"] == price["mini"] == using.FREE
    assert price[f"azure:{TUNED}"] is None
    assert price["oai:gpt-4.1-mini"] is not None and not price["oai:gpt-4.1-mini"].free


async def test_the_chat_screen_counts_money_with_its_day(
    workspace_folder: Path, priced: server.Provider, tmp_path: Path
) -> None:
    own_prices(tmp_path)
    workspace = open_workspace(workspace_folder, settings.load())
    with workspace.store.write() as change:
        stored.add(change, stored.StoredModel(f"oai:{TUNED}", "remote", "oai:gpt-4.1-mini-2025-04-14"))
    app = Workbench(workspace, workspace.settings)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("7")
            await until(pilot, "Say something to")
            await pilot.press("escape", "m")
            await until(pilot, "until 2027-01-14")
            text = await until(pilot, "out for a million")
            assert "0.8 in, 3.2 out for a million tokens (USD); prices of 2026-11-20" in " ".join(text.split())
            await pilot.press("escape", "i", "y", "enter")
            text = await until(pilot, "$0.000015")
            assert "prices of 2026-11-20 (OpenAI" in text and "until 2027-01-14" in text
            app.talk_to("lab:lab-base")
            await until(pilot, "Say something to lab:lab-base")
            await pilot.press("y", "enter")
            text = await until(pilot, "EUR 0.00004")
            assert "days old: check them" in text
            app.talk_to("lab:gpt-4.1-mini")
            await until(pilot, "Say something to lab:gpt-4.1-mini")
            await pilot.press("y", "enter")
            await until(pilot, "costs nothing")
    finally:
        workspace.close()
