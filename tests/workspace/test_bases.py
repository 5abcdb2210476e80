"""A toy base of one's own: built from these chats within what may be used, tuned by its name, and marked when somebody is
forgotten. Full tunings and preferences end in models that can be talked to as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core import training
from core.chat import Consent
from core.problem import Misuse, Problem
from core.workspace import bases, chats, curation, datasets, models, people, recipe, runs, talking
from core.workspace.opening import Workspace

pytestmark = pytest.mark.timeout(600)


def told(workspace: Workspace) -> list[list[dict[str, str]]]:
    return list(bases._conversations(workspace, recipe.current(workspace)))  # pyright: ignore[reportPrivateUsage]


def words(conversations: list[list[dict[str, str]]]) -> str:
    return "\n".join(line["content"] for lines in conversations for line in lines)


def test_it_hears_every_voice_that_may_be_used_and_nothing_that_is_held_out(workspace: Workspace) -> None:
    said = told(workspace)
    prompts = {lines[0]["content"] for lines in said if lines[0]["role"] == "system"}
    assert len(prompts) == 2, "the two others, each under a name of their own; the persona under none"
    assert all("Nico" not in prompt for prompt in prompts)
    assert any(lines[0]["role"] != "system" and "posta" in words([lines]) for lines in said)
    held = datasets.build(workspace, "uno")
    assert held.validation
    for row in datasets.examples(workspace, "uno", "validation"):
        assert row.lines[-1].text not in words(said)


def test_consent_decisions_and_masks_hold(workspace: Workspace) -> None:
    first = next(row for row in chats.messages(workspace) if row.author == "Lía")
    curation.decide(workspace, "edit", [first.uid], "llamame al +54 11 5555 0100, es urgente")
    people.set_consent(workspace, "Tomi", Consent.REFUSED)
    said = words(told(workspace))
    assert "[PHONE_1], es urgente" in said
    assert "5555" not in said
    assert first.text not in said
    assert "de Tomi?" not in said
    recipe.change(workspace, {"require_consent": True})
    people.set_consent(workspace, "Nico", Consent.GIVEN)
    assert "de Lía?" not in words(told(workspace)), "who was not asked stays out where consent is required"


def test_it_is_a_base_by_its_name_and_marked_when_somebody_is_forgotten(workspace: Workspace) -> None:
    row = bases.mini_from_workspace(workspace, steps=12)
    assert (row.name, row.kind, row.toy, row.tainted) == ("mini-own", "base", True, False)
    assert row.base_sha256 == training.fingerprint(row.folder)
    assert not list((workspace.folder / "models").glob("*.jsonl")), "no copy of what was said is left"
    with pytest.raises(Problem, match="already"):
        bases.mini_from_workspace(workspace)
    assert talking.speaker_named(workspace, "mini-own").kind == "base"

    datasets.build(workspace, "uno")
    run = runs.start(workspace, "uno", model="mini-own", options={"steps": 3, "threads": 1})
    assert run.options["learning_rate"] == 5e-3, "a toy is tuned as toys are"
    list(runs.follow(workspace, run.id))
    run = runs.named(workspace, run.id)
    assert run.state == "succeeded", run.now
    tuned = models.named(workspace, run.model or "")
    assert (tuned.kind, tuned.base, tuned.base_sha256) == ("adapter", "mini-own", row.base_sha256)
    with pytest.raises(Problem, match=tuned.name):
        models.delete(workspace, "mini-own")

    # The tuned model is taken further: its base stays the base.
    again = runs.start(workspace, "uno", model=tuned.name, options={"steps": 2, "threads": 1})
    list(runs.follow(workspace, again.id))
    further = models.named(workspace, runs.named(workspace, again.id).model or "")
    assert (further.base, further.name != tuned.name) == ("mini-own", True)

    pairs = workspace.folder / "pairs.jsonl"
    said = {"input": {"messages": [{"role": "user", "content": "¿y?"}]}}
    both = {
        "preferred_output": [{"role": "assistant", "content": "dale"}],
        "non_preferred_output": [{"role": "assistant", "content": "posta"}],
    }
    pairs.write_text(json.dumps(said | both) + "\n", encoding="utf-8")
    prefers = runs.start(workspace, str(pairs), model=tuned.name, options={"method": "dpo", "steps": 2, "threads": 1})
    list(runs.follow(workspace, prefers.id))
    prefers = runs.named(workspace, prefers.id)
    assert (prefers.state, prefers.model, prefers.dataset) == ("succeeded", "corrected", "")
    assert models.named(workspace, "corrected").base == "mini-own"

    forgotten = people.would_forget(workspace, "Tomi")
    assert "mini-own" in forgotten.models
    people.forget(workspace, "Tomi")
    assert models.named(workspace, "mini-own").tainted


def test_too_little_is_said_before_anything_is_built(workspace: Workspace, tmp_path: Path) -> None:
    recipe.change(workspace, {"persona": "Tomi"})
    for name in ("Nico", "Lía"):
        people.set_consent(workspace, name, Consent.REFUSED)
    with pytest.raises(Problem, match="too few"):
        bases.mini_from_workspace(workspace)
    with pytest.raises(Misuse, match="name"):
        bases.mini_from_workspace(workspace, "a/b")
    with pytest.raises(Misuse, match="pairs"):
        runs.start(workspace, str(tmp_path / "none"), options={"method": "dpo"})


def test_a_full_tuning_stands_alone_among_the_models(workspace: Workspace) -> None:
    base = bases.mini_from_workspace(workspace, "raíz", steps=4)
    datasets.build(workspace, "uno")
    run = runs.start(workspace, "uno", model=base.name, options={"method": "full", "steps": 2, "threads": 1})
    list(runs.follow(workspace, run.id))
    row = models.named(workspace, runs.named(workspace, run.id).model or "")
    assert (row.kind, row.base, row.toy) == ("base", "raíz", False)
    assert (row.folder / "model.safetensors").is_file()
    with pytest.raises(Misuse, match="no adapter"):
        models.merged(workspace, row.name)
