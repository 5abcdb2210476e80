"""Each command does what its verb does: the same figures, as JSON and in words, in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import commands, language
from core.workspace import chats, checks, datasets, people, recipe
from core.workspace.opening import open_workspace
from tests.workspace.conftest import export_with

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], workspace_folder: Path) -> Run:
    """Run a command in this process; its exit code and what it wrote."""

    def running(*words: str) -> tuple[int, str, str]:
        code = commands.main(list(words))
        written = capsys.readouterr()
        return code, written.out, written.err

    return running


@pytest.fixture
def filled(run: Run, tmp_path: Path) -> Path:
    """A workspace with two chats, imported by the command."""
    first = tmp_path / "Chat de WhatsApp con Lía.txt"
    second = tmp_path / "Chat de WhatsApp con Tomi.txt"
    first.write_text(export_with(40), encoding="utf-8")
    second.write_text(export_with(12, "Tomi").replace("/25,", "/26,"), encoding="utf-8")
    code, out, err = run("import", str(first), str(second), "--me", "Nico")
    assert code == 0, err
    assert "Lía" in out
    return tmp_path / "workspace"


def rows(run: Run, *words: str) -> list[dict[str, Any]]:
    code, out, err = run("--json", *words)
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_import_reports_have_the_contracts_fields(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "Chat de WhatsApp con Lía.txt"
    file.write_text(export_with(5), encoding="utf-8")
    (report,) = rows(run, "import", str(file), "--dry-run")
    assert {
        "file", "format", "encoding", "date_order", "lines", "messages", "kinds", "participants", "first", "last",
        "added", "already_there", "unread", "seconds",
    } <= set(report)  # fmt: skip
    assert rows(run, "chats") == []
    (report,) = rows(run, "import", str(file))
    assert report["added"] == report["messages"] == 26


def test_one_bad_file_does_not_keep_the_others_out(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "Chat de WhatsApp con Lía.txt", tmp_path / "foto.txt"
    good.write_text(export_with(5), encoding="utf-8")
    bad.write_bytes(bytes(range(256)) * 50)
    code, out, err = run("import", str(bad), str(good))
    assert code == 1
    assert "foto.txt" in err
    assert "Lía" in out
    assert len(rows(run, "chats")) == 1


def test_lists_agree_with_the_verbs(run: Run, filled: Path) -> None:
    listed = rows(run, "chats")
    said = rows(run, "messages")
    persons = rows(run, "participants")
    with open_workspace(filled) as workspace:
        assert [row["messages"] for row in listed] == [row.messages for row in chats.listing(workspace)]
        assert [row["id"] for row in said] == [row.uid for row in chats.messages(workspace)]
        assert [row["name"] for row in persons] == [row.name for row in people.listing(workspace)]
    assert {"id", "chat", "author", "sent_at", "kind", "text"} == set(said[0])
    assert said[1]["sent_at"] == "2026-01-01T20:00:00" or said[1]["sent_at"].startswith("202")
    code, out, _err = run("chats")
    assert code == 0
    assert "Tomi" in out
    code, out, _err = run("messages", "--chat", "Tomi", "--limit", "3")
    assert len(out.splitlines()) == 3


def test_participants_and_consent(run: Run, filled: Path) -> None:
    assert run("participants", "join", "Lía", "Tomi")[0] == 0
    assert run("participants", "consent", "Lía", "no", "--by", "Nico")[0] == 0
    (lia,) = [row for row in rows(run, "participants") if row["name"] == "Lía"]
    assert (lia["consent"], sorted(lia["names"])) == ("refused", ["Lía", "Tomi"])
    assert run("participants", "consent", "Nadie", "yes")[0] == 2
    assert "refused" in run("participants")[1]


def test_the_recipe_by_command(run: Run, filled: Path) -> None:
    assert run("recipe", "set", "burst_window=30m", "buffer_size=6")[0] == 0
    (shown,) = rows(run, "recipe", "show")
    assert (shown["burst_window"], shown["buffer_size"], shown["persona"]) == ("30m", 6, "Nico")
    assert "burst_window" in run("recipe", "show")[1]
    (preview,) = rows(run, "recipe", "preview", "model=gpt-4o-mini")
    with open_workspace(filled) as workspace:
        counted = recipe.preview(workspace, {"model": "gpt-4o-mini"})
    assert (preview["tokens"], preview["examples"], preview["cost"]) == (counted.tokens, counted.examples, counted.cost)
    assert preview["exact"] is True
    assert "2026-11-20" in str(preview["cost"])
    assert rows(run, "recipe", "show")[0]["model"] == "mini", "a preview writes nothing"
    assert {row["rule"] for row in rows(run, "recipe", "rules")} >= {"media", "deleted", "system", "empty"}
    assert rows(run, "recipe", "privacy") == [{}]
    assert rows(run, "recipe", "stats")[0]["messages"] == preview["messages"]
    for words in (["preview"], ["rules"], ["privacy"], ["stats"]):
        assert run("recipe", *words)[0] == 0
    drawn = run("recipe", "stats")[1]
    everyone = rows(run, "recipe", "stats")[0]
    assert sum(count for _range, count in everyone["lengths"]) == everyone["messages"]
    for title in ("number of words", "messages by participant", "different words", "messages by month"):
        assert "█" in drawn.partition(title)[2].split("\n\n")[0]


def test_curating_by_command(run: Run, filled: Path) -> None:
    first = rows(run, "messages", "--query", "torta", "--limit", "1")[0]["id"]
    assert rows(run, "curate", "drop", first)[0]["messages"] == 1
    assert rows(run, "curate", "tag", "dulce", "--query", "torta")[0]["messages"] > 1
    assert run("curate", "edit", first, "otra cosa")[0] == 0
    assert run("curate", "weight", "2", first)[0] == 0
    history = rows(run, "curate", "history")
    assert len(history) == 4
    assert not any("otra cosa" in row["label"] for row in history)
    assert run("curate", "undo")[0] == 0
    assert run("curate", "redo")[0] == 0
    assert run("curate", "redo")[0] == 1
    assert run("curate", "drop")[0] == 2
    assert run("curate", "keep", "--query", "palabra que no está")[0] == 1
    assert "weigh" in run("curate", "history")[1]


def test_datasets_by_command(run: Run, filled: Path, tmp_path: Path) -> None:
    (made,) = rows(run, "dataset", "build", "uno")
    assert run("dataset", "build", "uno")[0] == 1
    assert rows(run, "dataset", "build", "dos", "buffer_size=1")[0]["recipe"]["buffer_size"] == 1
    assert [row["name"] for row in rows(run, "dataset", "list")] == ["dos", "uno"]
    assert rows(run, "dataset", "show", "uno") == [{**made, "newer_corrections": 0}]
    drawn = run("dataset", "show", "uno", "--plots")[1]
    (shape,) = [row["shape"] for row in rows(run, "dataset", "show", "uno", "--plots")]
    assert sum(shape["tokens"]["counts"]) + shape["tokens"]["beyond"] == made["train"] + made["validation"]
    assert drawn.count("█") > 20
    examples = rows(run, "dataset", "examples", "uno")
    assert len(examples) == made["train"] + made["validation"]
    assert len(rows(run, "dataset", "examples", "uno", "--side", "validation")) == made["validation"]
    (checked,) = rows(run, "dataset", "check", "uno", "--model", "gpt-4o-mini")
    with open_workspace(filled) as workspace:
        report, _model = checks.check(workspace, "uno", "gpt-4o-mini")
        assert checked["tokens"] == sum(report.tokens)
        assert datasets.named(workspace, "uno").digest == made["digest"]
    (difference,) = rows(run, "dataset", "diff", "uno", "dos")
    assert difference["recipe"] == {"buffer_size": [4, 1]}
    out = tmp_path / "out"
    files = rows(run, "dataset", "export", "uno", "--as", "openai", "--out", str(out))
    assert sum(one["examples"] for one in files) == len(examples)
    assert run("dataset", "export", "uno", "--as", "openai", "--out", str(out))[0] == 3
    assert run("dataset", "export", "uno", "--as", "clay", "--out", str(tmp_path / "o2"))[0] == 2
    assert rows(run, "dataset", "check", str(out / "train.jsonl"))[0]["fit"]
    (out / "broken.jsonl").write_text('{"messages": []}\nno json\n', encoding="utf-8")
    assert run("dataset", "check", str(out / "broken.jsonl"))[0] == 1
    priced = {row["model"]: row for row in rows(run, "prices", "uno")}
    assert priced["gpt-4o-mini-2024-07-18"]["tokens"] == checked["tokens"]
    for words in (
        ["list"],
        ["show", "uno"],
        ["examples", "uno", "--limit", "2"],
        ["check", "uno"],
        ["diff", "uno", "dos"],
    ):
        assert run("dataset", *words)[0] == 0
    assert run("prices")[0] == 0


def test_forgetting_asks_first(run: Run, filled: Path) -> None:
    code, out, err = run("forget", "Tomi")
    assert code == 3, err
    assert "24" in out
    assert len(rows(run, "chats")) == 2
    assert rows(run, "forget", "Tomi", "--yes")[0]["done"] is True
    assert "Tomi" not in {row["name"] for row in rows(run, "participants")}


def test_upkeep_by_command(run: Run, filled: Path, tmp_path: Path) -> None:
    (made,) = rows(run, "backup")
    assert Path(made["backup"]).is_file()
    (listed,) = rows(run, "backup", "list")
    assert rows(run, "forget", "Tomi", "--yes")
    assert run("backup", "restore", listed["backup"], "--yes")[0] == 0
    assert "Tomi" in {row["name"] for row in rows(run, "participants")}
    assert run("backup", "--to", str(tmp_path / "copia.db"))[0] == 0
    assert {row["check"]: row["state"] for row in rows(run, "doctor")}["integrity"] == "ok"
    assert run("config", "set", "language", "es")[0] == 0
    assert run("config", "set", "api_key", "x")[0] == 2
    assert run("config", "set", "endpoints.lab.api_key", "sk-1")[0] == 2
    assert rows(run, "config")[0]["language"] == "es"
    assert run("config", "path")[1].strip().endswith("config.toml")


def test_runs_and_models_before_there_are_any(run: Run, filled: Path) -> None:
    assert rows(run, "train", "list") == []
    assert rows(run, "models", "list") == []
    assert run("models", "list")[0] == 0
    assert run("train", "show", "nada")[0] == 2
    assert run("evaluate", "nadie")[0] == 2
    assert run("models", "show", "nadie")[0] == 2
    assert run("ask", "nadie", "hola")[0] == 2
    assert run("train", "start", "nada")[0] == 2
    rows(run, "dataset", "build", "uno")
    assert run("train", "start", "uno", "--on", "luna")[0] == 2
    assert run("train", "start", "uno", "epochs=-1")[0] == 2
    assert rows(run, "train", "list") == [], "a fault is told before anything is made"


def test_spanish_everywhere(run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINSONTE_LANG", "es")
    assert "participante" in run("participants")[1]
    assert "conversaciones" in run("recipe", "preview")[1]
    assert "no existe" in run("dataset", "show", "nada")[2]
    language.choose("en")
