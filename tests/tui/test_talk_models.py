"""Who speaks on the chat screen: two at once, local and remote, with the real server behind the tiny models."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.chatting import serving
from core.counting import using
from core.settings import Endpoint, Settings
from core.store import models as stored
from core.workspace import transcripts
from core.workspace.opening import open_workspace
from tests import tiny
from tests.tui.hosts import until, workspace_with
from tests.tui.talking import (
    echo,
    last_of,
    quiet,
    reading,
    screen_of,
    talking,
    texts,
    type_in,
    with_server,
)
from tests.tui.talks import Chunk, answering, delta, tuned_workspace


async def test_two_models_hear_the_same_and_stand_side_by_side_or_one_above_the_other(tmp_path: Path) -> None:
    def naming(asked: dict[str, object]) -> Iterator[Chunk]:
        yield delta(f"soy {asked['model']}, oí {last_of(asked)}")
        yield delta("", "stop")

    async with with_server(tmp_path, naming, (120, 30)) as pilot:
        screen_of(pilot).talk.set_models(["lab:uno", "lab:dos"])
        screen_of(pilot).show_talk()
        await type_in(pilot, "hola")
        text = await until(pilot, "soy dos, oí hola")
        assert any("soy uno" in line and "soy dos" in line for line in text.splitlines())
        await quiet(pilot)
        await pilot.resize_terminal(80, 30)
        text = await until(pilot, "soy dos, oí hola")
        assert not any("soy uno" in line and "soy dos" in line for line in text.splitlines())
        await type_in(pilot, "chau")
        await until(pilot, "soy dos, oí chau")
        await quiet(pilot)
        first, second = (len(screen_of(pilot).talk.way(lane)) for lane in (0, 1))
        assert first == second == 4
        # What is said otherwise is said otherwise to both.
        await reading(pilot, "home", "e")
        await type_in(pilot, "buenas")
        await until(pilot, "soy dos, oí buenas")
        await quiet(pilot)
        ways = [[one.text for one in screen_of(pilot).talk.way(lane)] for lane in (0, 1)]
        assert ways == [["buenas", "soy uno, oí buenas"], ["buenas", "soy dos, oí buenas"]]
        # The second one leaves: the first goes on alone.
        await reading(pilot, "b", "home", "enter")
        await quiet(pilot)
        assert screen_of(pilot).talk.models == ("lab:uno",)


@pytest.mark.timeout(400)  # the first of these makes the shared models: minutes on a busy machine
async def test_base_and_tuned_side_by_side_from_the_real_server_which_dies_in_mid_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.workspace.models.mini_folder", lambda: tiny.tuned().base)
    workspace = tuned_workspace(tmp_path / "w")
    folder = workspace.folder / "server"
    try:
        async with talking(workspace, (120, 40)) as pilot:
            screen = screen_of(pilot)
            assert screen.talk.models == ("rita",)
            screen.talk.set_models(["mini", "rita"])
            screen.talk.terms.manner = screen.talk.terms.manner.changed({"temperature": 0, "max_tokens": 40})
            screen.show_talk()
            await type_in(pilot, "¿Qué me cuentas del gato?")
            await quiet(pilot, 200)
            base, tuned = (screen.talk.way(lane)[-1] for lane in (0, 1))
            assert (base.model, tuned.model) == ("mini", "rita")
            assert "che" in tuned.text
            assert base.text != tuned.text
            assert tuned.reply_tokens > 1
            assert tuned.first_token is not None
            (server,) = serving.find_all(folder)
            # A reply that would go on for long, and its server is killed.
            screen.talk.terms.manner = screen.talk.terms.manner.changed(
                {"temperature": 2, "top_p": 1, "max_tokens": 400, "repetition_penalty": 0.1}
            )
            os.kill(server.process.pid, signal.SIGSTOP)
            await type_in(pilot, "¿Y del tren?")
            for _turn in range(500):
                await pilot.pause(0.02)
                if screen.talk.answers:
                    break
            os.kill(server.process.pid, signal.SIGKILL)
            await until(pilot, "⚠", 100)
            await quiet(pilot, 100)
            assert all(screen.talk.way(lane)[-1].cut_off for lane in (0, 1))
            # Asked again, a new server is started.
            await reading(pilot, "end", "c")
            await quiet(pilot, 200)
            assert serving.find_all(folder)
    finally:
        serving.stop_servers(folder)


@pytest.mark.timeout(400)
async def test_a_local_model_beside_a_remote_one_and_only_the_remote_one_costs_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, object]] = []

    def remote(asked: dict[str, object]) -> Iterator[Chunk]:
        heard.append(asked)
        yield from echo(asked)

    monkeypatch.setattr("core.workspace.models.mini_folder", lambda: tiny.tuned().base)
    tuned_workspace(tmp_path / "w").close()
    with answering(remote) as base_url:
        provider = Endpoint("lab", base_url, kind="openai", api_key_env="LAB_KEY")
        monkeypatch.setenv("LAB_KEY", "sk-of-nobody")
        workspace = open_workspace(tmp_path / "w", Settings(tmp_path / "none.toml", endpoints={"lab": provider}))
        try:
            async with talking(workspace, (240, 40)) as pilot:
                screen = screen_of(pilot)
                screen.talk.set_models(["rita", "lab:gpt-4.1-mini"])
                screen.talk.terms.manner = screen.talk.terms.manner.changed({"temperature": 0, "max_tokens": 40})
                screen.show_talk()
                await type_in(pilot, "¿Qué me cuentas del gato?")
                text = await quiet(pilot, 200)
                local, away = (screen.talk.way(lane) for lane in (0, 1))
                assert local[0].text == away[0].text == last_of(heard[0]) == "¿Qué me cuentas del gato?"
                assert (local[1].model, away[1].model) == ("rita", "lab:gpt-4.1-mini")
                assert "che" in local[1].text
                assert away[1].text.strip() == "oí: ¿Qué me cuentas del gato?"
                assert not local[1].cost
                assert away[1].cost == pytest.approx(9 * 0.4e-6 + 4 * 1.6e-6)
                (figures,) = [line for line in text.splitlines() if "tokens/s" in line or "s to the first" in line]
                mine, _mark, theirs = figures.partition("lab:")
                assert ("$" in mine, "$" in theirs) == (False, True), figures
                # Each goes on with its own words.
                await type_in(pilot, "¿y?")
                await quiet(pilot, 200)
                told = heard[1]["messages"]
                assert isinstance(told, list)
                assert [one["role"] for one in told] == ["user", "assistant", "user"]
                assert "che" not in str(told)
        finally:
            serving.stop_servers(tmp_path / "w" / "server")


async def test_who_is_to_speak_is_chosen_while_prices_are_still_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = threading.Event()
    price = using.UsePrice(Decimal(2), Decimal(8), "USD", "a list")

    def looked_up(*_given: object, **_named: object) -> using.UsePrice:
        assert threading.current_thread() is not threading.main_thread(), "a key would wait for it"
        assert known.wait(60)
        return price

    monkeypatch.setattr(using, "use_price", looked_up)
    monkeypatch.setenv("LAB_KEY", "sk-of-nobody")
    workspace_with(tmp_path / "w").close()
    provider = Endpoint("lab", "https://lab.invalid/v1", kind="openai", api_key_env="LAB_KEY")
    workspace = open_workspace(tmp_path / "w", Settings(tmp_path / "none.toml", endpoints={"lab": provider}))
    with workspace.store.write() as change:
        stored.add(change, stored.StoredModel("lab:tuned", "remote", "lab:gpt-4.1-mini"))
    async with talking(workspace) as pilot:
        await reading(pilot, "m")
        await until(pilot, "looking up its price")
        known.set()
        await until(pilot, "2 in, 8 out for a million tokens (USD)")
        await pilot.press("G", "enter", *"lab:another", "enter")  # the same of one that is named
        await quiet(pilot)
        assert screen_of(pilot).talk.models == ("lab:another",)


@pytest.mark.parametrize("leave", [False, True], ids=["esc", "quit"])
async def test_a_model_that_takes_its_time_to_open_can_be_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leave: bool
) -> None:
    import sys

    from core.training.backends import local

    monkeypatch.setattr(local, "command", lambda *_words: [sys.executable, "-c", "import time; time.sleep(100)"])
    monkeypatch.setattr("core.workspace.models.mini_folder", lambda: tmp_path)
    (tmp_path / "model.safetensors").touch()
    workspace = workspace_with(tmp_path / "w")
    async with talking(workspace) as pilot:
        await type_in(pilot, "hola")
        await until(pilot, "loading the model")
        while not (found := list((workspace.folder / "server").rglob("server.json"))):
            await pilot.pause(0.02)
        assert found
        if not leave:
            await pilot.press("escape")
            await quiet(pilot)
            assert texts(pilot) == ["hola"]
    assert not list((tmp_path / "w" / "server").rglob("server.json")), "the server that never answered is gone"


async def test_another_reply_from_a_model_that_must_be_loaded_again_says_so_and_can_be_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from core.training.backends import local

    monkeypatch.setattr(local, "command", lambda *_words: [sys.executable, "-c", "import time; time.sleep(100)"])
    monkeypatch.setattr("core.workspace.models.mini_folder", lambda: tmp_path)
    (tmp_path / "model.safetensors").touch()
    workspace = workspace_with(tmp_path / "w")
    number = transcripts.start(workspace, ["mini"])
    (lane,) = transcripts.ask_in(workspace, number, "hola")
    transcripts.put(workspace, number, lane.leaf, "assistant", "buenas", model="mini")
    async with talking(workspace) as pilot:
        screen_of(pilot).open_talk(number)
        await until(pilot, "hola")
        await reading(pilot, "end", "r")
        await until(pilot, "loading the model")
        assert screen_of(pilot).check_action("stop", ())
        await pilot.press("escape")
        await quiet(pilot)
        assert len(screen_of(pilot).talk.tree) == 2, "nothing was asked"
    assert not list((tmp_path / "w" / "server").rglob("server.json"))


def test_the_terminal_process_never_imports_torch() -> None:
    import subprocess
    import sys

    program = "import sys, tui.screens.talk.screen, core.workspace.conversing; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
