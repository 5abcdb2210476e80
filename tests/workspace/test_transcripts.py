"""Talks had, branched, corrected, written to files, read back, and made into material: through the verbs."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from core.problem import Misuse, Problem
from core.workspace import chats, corrections, datasets, recipe, transcripts
from core.workspace.opening import Workspace, open_workspace
from core.workspace.transcripts import Said
from tests.hostile import HOSTILE

OURS = '{"sinsonte": {"title": "", "system": "", "lanes": [], "said": [%s]}}'
SEPARATOR = "<|msg_sep|>"


def answered(workspace: Workspace, talk: int, text: str, lane: int = 0, finish: str = "stop") -> int:
    """Let a lane's model say this."""
    row = transcripts.numbered(workspace, talk).lanes[lane]
    number = transcripts.begin_reply(workspace, talk, row.leaf, row.model, {"separator": SEPARATOR}, lane=lane)
    said = transcripts.tree(workspace, talk).by_id[number]
    assert transcripts.write_reply(workspace, talk, replace(said, text=text, finish=finish, reply_tokens=4))
    return number


def a_talk(workspace: Workspace) -> int:
    """Two models over two questions; the second one's last reply is cut off."""
    talk = transcripts.start(workspace, ["base", "rita"], system="Eres Rita.", manner={"temperature": 0.6})
    transcripts.ask_in(workspace, talk, "¿Qué me cuentas del gato?")
    answered(workspace, talk, "El gato está muy bien.", 0)
    answered(workspace, talk, f"che, el gato está 😂{SEPARATOR}re lindo", 1)
    transcripts.ask_in(workspace, talk, "¿Y el tren?")
    answered(workspace, talk, "El tren está muy bien.", 0)
    answered(workspace, talk, "che, el tr", 1, "")
    return talk


def way(workspace: Workspace, talk: int, lane: int = 0) -> list[str]:
    leaf = transcripts.numbered(workspace, talk).lanes[lane].leaf
    return [one.text for one in transcripts.tree(workspace, talk).path(leaf)]


def test_two_lanes_share_what_they_have_in_common(empty: Workspace) -> None:
    talk = a_talk(empty)
    tree = transcripts.tree(empty, talk)
    assert len(tree) == 7  # the first question once, the second under each model's reply
    assert way(empty, talk, 0)[0] == way(empty, talk, 1)[0] == "¿Qué me cuentas del gato?"
    assert way(empty, talk, 1)[1] == f"che, el gato está 😂{SEPARATOR}re lindo"
    assert transcripts.numbered(empty, talk).title == "¿Qué me cuentas del gato?"
    last = tree.path(transcripts.numbered(empty, talk).lanes[1].leaf)[-1]
    assert last.cut_off
    assert not tree.path(transcripts.numbered(empty, talk).lanes[0].leaf)[-1].cut_off


def test_an_edit_is_a_sibling_and_the_first_wording_stays(empty: Workspace) -> None:
    talk = a_talk(empty)
    tree = transcripts.tree(empty, talk)
    first = tree.children(None)[0]
    before = way(empty, talk, 0)
    edited = transcripts.edit(empty, talk, first.id, "¿Qué me cuentas del queso?", 0)
    tree = transcripts.tree(empty, talk)
    assert way(empty, talk, 0) == ["¿Qué me cuentas del queso?"]
    assert [one.id for one in tree.siblings(edited)] == [first.id, edited]
    transcripts.go_to(empty, talk, 0, tree.newest_below(tree.siblings(edited)[0].id))
    assert way(empty, talk, 0)[0] == before[0]


def test_what_was_said_is_found_by_its_words(empty: Workspace) -> None:
    talk = a_talk(empty)
    found = transcripts.search(empty, "gato lindo")
    assert [(row.id, one.model) for row, one in found] == [(talk, "rita")]
    transcripts.delete(empty, talk)
    assert transcripts.search(empty, "gato") == []
    with pytest.raises(Misuse, match=f"no talk {talk}"):
        transcripts.numbered(empty, talk)
    with pytest.raises(Problem, match="no longer there"):
        transcripts.ask_in(empty, talk, "¿hola?")


def test_a_transcript_read_back_is_the_same_talk(empty: Workspace, tmp_path: Path) -> None:
    talk = a_talk(empty)
    first = transcripts.tree(empty, talk).children(None)[0]
    transcripts.edit(empty, talk, first.id, "otra\ncosa \x1b[2J \u202e", 0)
    file = transcripts.export(empty, talk, "jsonl", tmp_path / "a.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with open_workspace(tmp_path / "other") as other:
        (number,) = transcripts.read_in(other, file)
        again = transcripts.export(other, number, "jsonl", tmp_path / "b.jsonl")
        one, two = (json.loads(path.read_text().split("\n")[0]) for path in (file, again))
        places = [{said["id"]: n for n, said in enumerate(told["sinsonte"]["said"])} for told in (one, two)]
        for told, place in zip((one, two), places, strict=True):
            for said in told["sinsonte"]["said"]:
                said["parent"] = place.get(said["parent"])
                said["id"] = place[said["id"]]
            for lane in told["sinsonte"]["lanes"]:
                lane["leaf"] = place.get(lane["leaf"])
            told["sinsonte"].pop("created_at")
        assert one == two
        assert [row.models for row in transcripts.listing(other)] == [("base", "rita")]


def test_the_same_file_is_a_chat_of_the_library_bubble_by_bubble(empty: Workspace, tmp_path: Path) -> None:
    talk = a_talk(empty)
    file = transcripts.export(empty, talk, "jsonl", tmp_path / "a.jsonl")
    numbers = transcripts.read_to_library(empty, file, me="Vera")
    assert len(numbers) == 2
    rows = list(chats.messages(empty, chat=numbers[1]))
    assert [(row.author, row.text) for row in rows] == [
        ("Vera", "¿Qué me cuentas del gato?"),
        ("rita", "che, el gato está 😂"),
        ("rita", "re lindo"),
        ("Vera", "¿Y el tren?"),
        ("rita", "che, el tr"),
    ]
    assert all(row.timed for row in rows)
    # The talk itself, put in from here, is the same chat and adds nothing.
    assert transcripts.to_library(empty, talk, me="Vera") == numbers
    assert [row.messages for row in chats.listing(empty)] == [5, 4] or [
        row.messages for row in chats.listing(empty)
    ] == [4, 5]


def test_a_talk_becomes_training_material(empty: Workspace) -> None:
    for number in range(6):
        talk = transcripts.start(empty, ["rita"])
        transcripts.ask_in(empty, talk, f"¿Qué me cuentas del gato número {number}?")
        answered(empty, talk, f"che, el gato {number} está re lindo y duerme todo el día")
        transcripts.to_library(empty, talk, me="Vera")
    recipe.change(empty, {"persona": "rita", "validation": "0"})
    made = datasets.build(empty, "de-charlas")
    assert made.train == 6


def test_a_plain_export_is_read_by_import_too(empty: Workspace, tmp_path: Path) -> None:
    talk = a_talk(empty)
    jsonl = chats.import_file(empty, transcripts.export(empty, talk, "jsonl", tmp_path / "una.jsonl"))
    assert jsonl.added == 10  # four and its prompt, for each model
    one = transcripts.start(empty, ["rita"])
    transcripts.ask_in(empty, one, "hola\ny otra línea")
    answered(empty, one, f"che{SEPARATOR}hola")
    transcripts.ask_in(empty, one, "¿y el tren?")
    answered(empty, one, "va lento")
    text = chats.import_file(empty, transcripts.export(empty, one, "text", tmp_path / "otra.txt"), date_order="ymd")
    assert (text.format, text.added) == ("whatsapp", 5)


def test_markdown_tells_who_said_what_and_what_was_cut_off(empty: Workspace) -> None:
    told = transcripts.as_text(empty, a_talk(empty), "markdown")
    assert told.startswith("# ¿Qué me cuentas del gato?")
    assert "> Eres Rita." in told
    assert "## rita" in told
    assert told.count("*[cut off]*") == 1
    assert SEPARATOR not in told


def test_a_file_of_somebody_elses_conversations_is_read_as_talks(empty: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "ajeno.jsonl"
    row = {
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "hola"},
            {"role": "assistant", "content": "qué tal"},
        ]
    }
    file.write_text(json.dumps(row) + "\n\n" + json.dumps(row) + "\n")
    first, _second = transcripts.read_in(empty, file)
    assert transcripts.numbered(empty, first).system == "S"
    assert way(empty, first) == ["hola", "qué tal"]


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        "{}",
        '{"messages": []}',
        '{"messages": [{"role": "robot", "content": "x"}]}',
        '{"messages": [{"role": "user", "content": 7}]}',
        '{"sinsonte": {"talk": 1}}',
        OURS % '{"id": 1, "parent": 1, "role": "user", "text": ""}',
        OURS % '{"id": 1, "parent": null, "role": "user", "text": "", "at": "x"}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_transcript_is_refused_by_its_line_and_nothing_is_kept(
    empty: Workspace, tmp_path: Path, line: str
) -> None:
    good = '{"messages": [{"role": "user", "content": "hola"}]}'
    file = tmp_path / "malo.jsonl"
    file.write_text(f"{good}\n{line}\n")
    with pytest.raises(Problem, match="no transcript") as caught:
        transcripts.read_in(empty, file)
    assert str(caught.value.where).endswith("malo.jsonl:2")
    assert transcripts.listing(empty) == []


def test_a_file_that_is_there_is_not_written_over(empty: Workspace, tmp_path: Path) -> None:
    talk = a_talk(empty)
    file = tmp_path / "hay.md"
    file.write_text("mío")
    with pytest.raises(Problem, match="exists already"):
        transcripts.export(empty, talk, "markdown", file)
    assert file.read_text() == "mío"
    transcripts.export(empty, talk, "markdown", file, force=True)
    assert "gato" in file.read_text()
    own = transcripts.export(empty, talk, "text")
    assert own == empty.folder / "transcripts" / f"talk-{talk}.txt"
    assert stat.S_IMODE(own.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("form", ["markdown", "jsonl", "text"])
def test_hostile_words_are_kept_exactly_and_come_back(empty: Workspace, tmp_path: Path, form: str) -> None:
    talk = transcripts.start(empty, ["rita"])
    for text in HOSTILE:
        transcripts.ask_in(empty, talk, text)
    file = transcripts.export(empty, talk, form, tmp_path / "h")
    if form == "jsonl":
        (number,) = transcripts.read_in(empty, file)
        assert way(empty, number) == way(empty, talk)


def test_a_correction_is_kept_with_what_the_model_was_given(empty: Workspace, tmp_path: Path) -> None:
    talk = a_talk(empty)
    reply = transcripts.tree(empty, talk).path(transcripts.numbered(empty, talk).lanes[0].leaf)[-1]
    number, written = corrections.correct(empty, talk, reply.id, "che, el tren va lento", 0)
    assert way(empty, talk, 0)[-1] == "che, el tren va lento"
    row = corrections.listing(empty)[0]
    assert (row.id, row.model, row.talk, row.message) == (number, "base", talk, reply.id)
    assert [one["role"] for one in row.prompt] == ["system", "user", "assistant", "user"]
    assert (row.asked, row.rejected, row.chosen) == ("¿Y el tren?", "El tren está muy bien.", "che, el tren va lento")
    # Corrected once more, the model's own words are still what is rejected.
    corrections.correct(empty, talk, written, "che, no anda", 0)
    (row,) = corrections.listing(empty)
    assert (row.rejected, row.chosen) == ("El tren está muy bien.", "che, no anda")
    with pytest.raises(Problem, match="what the model said"):
        corrections.correct(empty, talk, reply.id, reply.text)
    with pytest.raises(Problem, match="only a model's reply"):
        corrections.correct(empty, talk, transcripts.tree(empty, talk).children(None)[0].id, "x")
    assert corrections.export(empty, "preference", tmp_path / "p.jsonl") == 1
    told = json.loads((tmp_path / "p.jsonl").read_text())
    assert told["input"]["messages"] == list(row.prompt)
    assert told["preferred_output"] == [{"role": "assistant", "content": "che, no anda"}]
    assert told["non_preferred_output"] == [{"role": "assistant", "content": "El tren está muy bien."}]
    assert corrections.export(empty, "openai", tmp_path / "e.jsonl") == 1
    report = chats.import_file(empty, tmp_path / "e.jsonl")
    assert report.added == 5
    corrections.delete(empty, row.id)
    with pytest.raises(Problem, match="no corrections"):
        corrections.export(empty, "openai", tmp_path / "n.jsonl")


def test_a_said_that_is_a_users_is_never_cut_off() -> None:
    assert not Said(1, None, "user", "hola").cut_off
    assert Said(1, None, "assistant", "hol", finish="length").cut_off
