"""Who can be talked to, and what they are asked with: what they were trained on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core import settings
from core.problem import Misuse
from core.workspace import datasets, models, prompting, talking
from core.workspace.opening import Workspace
from tests.endpoints import raw

SAID = raw.stream(json.dumps({"choices": [{"index": 0, "text": " dale", "finish_reason": "stop"}]}), "[DONE]")


def enter(workspace: Workspace, name: str, kind: str, dataset: str, base: str, **details: Any) -> None:
    from core.store import models as store

    number = datasets.named(workspace, dataset).id
    row = store.StoredModel(name, kind, base, dataset_id=number, folder="m", details=json.dumps(details))
    with workspace.store.write() as change:
        store.add(change, row)


def test_everybody_is_listed_with_what_they_were_trained_with(workspace: Workspace) -> None:
    made = datasets.build(workspace, "uno", {"separator": "tag", "buffer_size": 6})
    enter(workspace, "nico", "adapter", made.name, models.MINI)
    tuned, base = talking.speakers(workspace)
    assert (tuned.name, tuned.kind, base.name, base.kind) == ("nico", "adapter", "mini", "base")
    assert tuned.system == base.system == "You are Nico. You answer your chats the way Nico writes."
    assert (tuned.separator, tuned.turns, tuned.shape) == ("<|msg_sep|>", 6, "chat")
    assert talking.speaker_named(workspace, "ollama:llama3").kind == "remote"
    with pytest.raises(Misuse, match="nico, mini"):
        talking.speaker_named(workspace, "lia")


@pytest.mark.parametrize("style", ["labels", "arrow", "hashes"])
def test_an_older_model_is_asked_exactly_as_it_was_trained(workspace: Workspace, style: str) -> None:
    made = datasets.build(workspace, "uno", {"prompt_style": style, "buffer_size": 3})
    (example, *_rest) = datasets.as_examples(workspace, made.name)
    from core.dataset.export import rendering
    from core.dataset.recipe import Recipe

    recipe = Recipe.from_dict(made.recipe)
    spoken = [line for line in example.lines if line.role != "system"]
    trained = json.loads(rendering.prompt_completion(recipe)(example))
    stop = rendering.stop_for(recipe, spoken)
    labels = {"persona_label": spoken[-1].name, "other_label": next(one.name for one in spoken if one.role == "user")}
    with raw.serving(SAID) as server:
        settings.change("endpoints.lab.base_url", server.url)
        workspace.settings = settings.load()
        told = {"format": "prompt-completion", "stop": stop, **labels}
        enter(workspace, "lab:ft:davinci-002:x", "remote", made.name, "davinci-002", **told)
        said = [{"role": str(line.role), "content": line.text} for line in spoken[:-1]]
        with talking.open_speaker(workspace, "lab:ft:davinci-002:x") as speaker:
            assert speaker.opening() == [], "these models know no roles"
            assert speaker.ask(said).text == "dale"
            speaker.go_on(said, "dale").whole()
    first, second = (json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.asked)
    assert first["prompt"] == trained["prompt"]
    assert first["stop"] == [stop]
    assert trained["completion"].endswith(stop)
    assert first["model"] == "ft:davinci-002:x"
    assert second["prompt"] == trained["prompt"] + " dale"


def test_a_conversation_is_cut_to_the_turns_of_the_training() -> None:
    said = [{"role": role, "content": str(n)} for n, role in enumerate(["system", *["user", "assistant"] * 3, "user"])]
    assert [one["content"] for one in talking.windowed(said, 3)] == ["0", "5", "6", "7"]
    assert [one["content"] for one in talking.windowed(said, 4)] == ["0", "5", "6", "7"], "it begins with a question"
    assert talking.windowed(said, 0) == said
    assert prompting.plain(said[1:3]) == "1\n2"
