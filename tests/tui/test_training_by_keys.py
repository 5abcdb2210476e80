"""The whole act by keys on a real engine: a run from the form, followed to its end, and its model measured and deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from core.chat import Kind, Message
from core.workspace import corrections, datasets, evaluations, models, runs, transcripts
from core.workspace.opening import Workspace, open_workspace
from tests import tiny
from tests.tui.hosts import START, screen_text, until, workspace_with
from tests.tui.test_runs import opened
from tui.widgets.row_list import RowList

pytestmark = pytest.mark.timeout(600)  # three starts of the engine, and the shared models before them


def with_a_dataset(folder: Path) -> Workspace:
    """Forty conversations of eight messages, some of them held out."""
    said = ["hola", "¿cómo va?", "todo bien", "¿venís?", "dale", "nos vemos", "¿y el pan?", "che, re lindo"]
    messages = [
        Message(
            ("Nico", "Vera Ríos")[n % 2],
            START + n * 40 + n // 8 * 90_000,
            Kind.TEXT,
            f"{said[n * 7 % 8]} {n}",
            0,
            n + 1,
        )
        for n in range(320)
    ]
    workspace = workspace_with(folder / "w", ("Nico", messages))
    made = datasets.build(workspace, "uno", {"persona": "Vera Ríos", "near_duplicates": "keep", "validation": "0.2"})
    assert made.validation
    return workspace


async def put(pilot: Pilot[int], key: str, value: str) -> None:
    """Type a value in the line of the form that has this name."""
    rows: RowList[object] = pilot.app.screen.query_one("#form", RowList)
    place = next(n for n in range(rows.count) if rows.at(n).key == key)  # type: ignore[union-attr]
    rows.go_to(place)
    await pilot.pause()
    await pilot.press("enter")
    await pilot.pause()
    pilot.app.screen.query_one(Input).value = value
    await pilot.press("enter")
    await pilot.pause()


async def test_from_the_form_to_a_measured_and_merged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    workspace = with_a_dataset(tmp_path)
    base = str(tiny.tiny().base)
    async with opened(workspace) as pilot:
        await until(pilot, "No runs yet")
        await pilot.press("n")
        await until(pilot, "Start a run")
        await put(pilot, "base", base)
        await put(pilot, "epochs", "many")
        await until(pilot, "This value does not fit here.")
        await pilot.press("escape")
        await put(pilot, "steps", "4")
        await put(pilot, "other", "threads=1 validate_every=2 nonsense")
        await pilot.press("d")
        await until(pilot, "“nonsense” is not of the form KEY=VALUE")
        await put(pilot, "other", "threads=1 validate_every=2")
        await pilot.press("d")
        await until(pilot, "plan: 4 steps", 120)
        assert "predicted:" in screen_text(pilot.app)
        assert runs.listing(workspace) == [], "measuring starts nothing"
        await pilot.press("s")
        await until(pilot, "Start a run of “uno”")
        await pilot.press("enter")
        text = await until(pilot, "  succeeded  ━", 120)
        assert "step 4/4" in text
        await until(pilot, "4 steps in")
        (row,) = runs.listing(workspace)
        assert (row.options["steps"], row.dataset, row.state) == ("4", "uno", "succeeded")

        await pilot.press("6")
        await until(pilot, "vera-rios")
        assert row.id in screen_text(pilot.app)
        await pilot.press("c")
        await until(pilot, "The card of vera-rios")
        await pilot.press("escape")
        await pilot.press("e")
        await until(pilot, "perplexity on replies (pooled)", 120)
        report = evaluations.last(workspace, "vera-rios")
        assert report is not None
        assert f"{report.base_pooled:.2f} → tuned {report.tuned_pooled:.2f}" in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, f"{report.base_pooled:.2f} → {report.tuned_pooled:.2f}")

        await pilot.press("w")
        await until(pilot, "Write vera-rios as one GGUF file?")
        await pilot.press("enter")
        await until(pilot, "the converter of llama.cpp is not installed (convert_hf_to_gguf.py)")
        await pilot.press("m")
        await until(pilot, "Write vera-rios and its base as one plain folder?")
        await pilot.press("enter")
        await until(pilot, "Merged, with logits that differ by", 120)
        merged = workspace.folder / "models" / "vera-rios-merged"
        assert (merged / "model.safetensors").is_file()
        assert (merged / "tokenizer.json").is_file()
        await pilot.press("m", "enter")
        await until(pilot, "vera-rios-merged is there already.")

        await pilot.press("D")
        await until(pilot, "Delete vera-rios and its weights?")
        pilot.app.screen.query_one(Input).value = "vera"
        await pilot.press("enter")
        await until(pilot, "That is not the name.")
        pilot.app.screen.query_one(Input).value = "vera-rios"
        await pilot.press("enter")
        await until(pilot, "No tuned models yet")
        assert models.listing(workspace) == []
        assert (row.folder / "events.jsonl").is_file()
        assert not (row.folder / "adapter").exists()
    assert (tmp_path / "w" / "sinsonte.db").is_file()


def field(pilot: Pilot[int], key: str) -> Any:
    """The line of the form that has this name; the cursor goes there."""
    form: RowList[Any] = pilot.app.screen.query_one("#form", RowList)
    for n in range(form.count):
        form.go_to(n)
        if form.row is not None and form.row.key == key:
            return form.row
    raise AssertionError(key)


async def test_what_was_corrected_is_learnt_from_by_the_form(tmp_path: Path) -> None:
    workspace = with_a_dataset(tmp_path)
    async with opened(workspace) as pilot:
        await pilot.press("n")
        await until(pilot, "Start a run")
        assert field(pilot, "method").choices == ("lora", "qlora", "full"), "there is nothing to prefer yet"
        await pilot.press("escape")
        for n in range(3):
            talk = transcripts.start(workspace, ["uno"])
            (lane,) = transcripts.ask_in(workspace, talk, f"¿Qué me cuentas del pan {n}?")
            reply = transcripts.put(workspace, talk, lane.leaf, transcripts.ASSISTANT, "El pan está.", model="uno")
            corrections.correct(workspace, talk, reply, "che, el pan está re lindo")
        await until(pilot, "No runs yet")
        await pilot.press("n")
        await until(pilot, "Start a run")
        await put(pilot, "base", str(tiny.tiny().base))
        field(pilot, "method")
        await pilot.press("enter")
        await until(pilot, "▌ lora")
        await pilot.press("down", "down", "down", "enter")
        text = await until(pilot, "· dpo")
        assert "· corrections" in text, "pairs come from corrections and from nothing else"
        await put(pilot, "other", "threads=1")
        await pilot.press("d")
        await until(pilot, "plan: 3 steps, 3 examples", 120)
        field(pilot, "dataset")
        await pilot.press("enter", "up", "enter")
        await pilot.pause()
        assert field(pilot, "dataset").value == "uno"
        assert field(pilot, "method").value == "lora"


async def test_forgetting_a_remote_model_leaves_the_workspace_where_it_is(tmp_path: Path) -> None:
    from core.store import models as stored

    workspace = open_workspace(tmp_path / "w")
    with workspace.store.write() as change:
        stored.add(change, stored.StoredModel("lab:ft-1", "remote", "gpt"))
    async with opened(workspace) as pilot:
        await pilot.press("6")
        text = await until(pilot, "lab:ft-1")
        assert "m merge" not in text
        assert "e measure" not in text
        await pilot.press("D")
        await until(pilot, "Forget lab:ft-1 here?")
        pilot.app.screen.query_one(Input).value = "lab:ft-1"
        await pilot.press("enter")
        await until(pilot, "No tuned models yet")
        assert models.listing(workspace) == []
        assert (tmp_path / "w" / "sinsonte.db").is_file()
