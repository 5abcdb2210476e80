"""The recipe screen's figures, recomputed by other means: from the messages by a loop, from the exported files with the
tokenizers themselves. Nothing here calls what it checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import transformers

from core import commands
from core.counting import vocabulary
from core.workspace import chats, datasets, recipe
from core.workspace.opening import Workspace
from tests.counting.models import folder
from tests.tui.test_recipe_screen import a_workspace, counted, opened
from tui.figures import number


def by_loop(workspace: Workspace, burst: int, gap: int, most: int) -> tuple[int, int, int]:
    """Messages, turns and conversations of the only chat, by the definitions in docs/dataset.md."""
    kept = [row for row in chats.messages(workspace) if row.kind == "text" and row.author]
    turns = conversations = in_this = 0
    author, at = "", -(1 << 60)
    for row in kept:
        opens = row.sent_at - at > gap
        starts = opens or row.author != author or row.sent_at - at > burst
        if starts:
            turns += 1
            if opens or in_this == most:
                conversations += 1
                in_this = 0
            in_this += 1
        author, at = row.author, row.sent_at
    return len(kept), turns, conversations


def lines_of(file: Path) -> list[list[dict[str, str]]]:
    return [json.loads(line)["messages"] for line in file.read_text(encoding="utf-8").splitlines()]


def by_tiktoken(messages: list[dict[str, str]]) -> int:
    """As OpenAI documents it: three tokens around a message, its role, its words, and three at the end."""
    encoding = tiktoken.Encoding(
        "o200k", pat_str=vocabulary._PATTERNS["o200k_base"], mergeable_ranks=vocabulary.ranks("o200k_base"),  # pyright: ignore[reportPrivateUsage]
        special_tokens={},
    )  # fmt: skip
    return 3 + sum(
        3 + len(encoding.encode_ordinary(one["role"])) + len(encoding.encode_ordinary(one["content"]))
        for one in messages
    )


@pytest.mark.parametrize("local", [False, True])
async def test_the_screens_figures_are_those_of_the_exported_files(
    tmp_path: Path, local: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = a_workspace(tmp_path)
    model = str(folder(tmp_path / "model")) if local else "gpt-4o-mini"
    recipe.change(workspace, {"model": model, "burst_window": "5m", "max_turns": 3, "min_reply_chars": 12})
    datasets.build(workspace, "uno")
    datasets.export(workspace, "uno", "openai", tmp_path / "out")
    train, held = lines_of(tmp_path / "out" / "train.jsonl"), lines_of(tmp_path / "out" / "validation.jsonl")
    if local:
        words: Any = transformers.AutoTokenizer.from_pretrained(model)
        tokens = sum(
            len(
                words(words.apply_chat_template(one, tokenize=False).rstrip("\n"), add_special_tokens=False)[
                    "input_ids"
                ]
            )
            for one in train
        )
    else:
        tokens = sum(map(by_tiktoken, train))
    messages, turns, conversations = by_loop(workspace, 300, 10_800, 3)
    async with opened(workspace) as pilot:
        text = await counted(pilot)
    told = {
        label: next(line for line in text.splitlines() if f" {label} " in line[58:]).split(label)[1].split()[0]
        for label in ("messages", "turns", "conversations", "examples", "to train on", "held out", "tokens")
    }
    assert told == {
        "messages": number(messages), "turns": number(turns), "conversations": number(conversations),
        "examples": number(len(train) + len(held)), "to train on": number(len(train)), "held out": number(len(held)),
        "tokens": number(tokens),
    }  # fmt: skip
    assert commands.main(["--workspace", str(tmp_path / "w"), "--json", "recipe", "preview"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {key: printed[key] for key in ("messages", "turns", "conversations", "train", "validation", "tokens")} == {
        "messages": messages, "turns": turns, "conversations": conversations, "train": len(train),
        "validation": len(held), "tokens": tokens,
    }  # fmt: skip
    assert printed["exact"]
