"""ask, compare and chat, with an endpoint that says what each test wants: what is printed where, and how it ends."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import commands, settings
from core.safe_text import is_safe
from tests.endpoints import raw
from tests.hostile import HOSTILE

ROOT = Path(__file__).parent.parent.parent
Run = Callable[..., tuple[int, str, str]]


def chunk(text: str = "", finish: str | None = None, index: int = 0, **more: Any) -> str:
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish, **more}
    return json.dumps({"id": "x", "model": "m", "choices": [choice]})


WHOLE = raw.stream(chunk("¿Qué"), chunk(" tal?", "stop"), "[DONE]")
CUT = raw.stream(chunk("¿Qué"), chunk(" ta"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], workspace_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process; its exit code and what it wrote."""

    def running(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = commands.main(list(words))
        written = capsys.readouterr()
        return code, written.out, written.err

    return running


def lab(server: raw.Raw) -> None:
    settings.change("endpoints.lab.base_url", server.url)


def bodies(server: raw.Raw) -> list[dict[str, Any]]:
    return [json.loads(one.partition(b"\r\n\r\n")[2]) for one in server.asked]


def test_a_reply_is_data_and_all_else_is_talk(run: Run) -> None:
    with raw.serving(WHOLE) as server:
        lab(server)
        assert run("ask", "lab:m", "hola") == (0, "¿Qué tal?\n", "")
        code, out, _err = run(
            "--json", "ask", "lab:m", "hola", "--temperature", "0.5", "--stop", "X", "--preset", "steady"
        )
    told = json.loads(out)
    assert (code, told["text"], told["cut_off"], told["trouble"], told["finish_reason"]) == (
        0,
        "¿Qué tal?",
        False,
        None,
        "stop",
    )
    first, second = bodies(server)
    assert (first["model"], first["messages"]) == ("m", [{"role": "user", "content": "hola"}])
    assert (second["temperature"], second["stop"], second["max_tokens"]) == (0.5, ["X"], 200), (
        "options win over presets"
    )


def test_a_reply_that_was_cut_off_is_printed_and_said_to_be(run: Run) -> None:
    with raw.serving(CUT) as server:
        lab(server)
        code, out, err = run("ask", "lab:m", "hola")
        assert (code, out) == (1, "¿Qué ta\n")
        assert "without its server saying that it was whole" in err
        code, out, _err = run("--json", "ask", "lab:m", "hola")
    assert code == 1
    assert (json.loads(out)["cut_off"], json.loads(out)["trouble"]) == (True, "unfinished")


def test_what_is_piped_in_and_what_is_in_a_file_are_asked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("\ufeffquerida Lía\n", encoding="utf-8")
    with raw.serving(WHOLE) as server:
        lab(server)
        run("ask", "lab:m", stdin="desde la tubería\n")
        run("ask", "lab:m", "Resume:", "--file", str(file))
        assert run("ask", "lab:m", stdin="")[0] == 2
        assert run("ask", "lab:m", "--file", str(tmp_path / "nothing"))[0] == 1
    asked = [body["messages"][-1]["content"] for body in bodies(server)]
    assert asked == ["desde la tubería", "Resume:\n\nquerida Lía"]


def test_templates_of_the_course_and_of_ones_own(run: Run) -> None:
    own = settings.config_file().parent / "templates"
    own.mkdir(parents=True)
    (own / "translate.toml").write_text('prompt = "En {language}: {text} {text}"\n[values]\nlanguage = "guaraní"\n')
    with raw.serving(WHOLE) as server:
        lab(server)
        assert run("ask", "lab:m", "--template", "tweet-sentiment", "qué asco {animal}")[0] == 0
        assert run("ask", "lab:m", "--template", "clue-game", "--set", "animal=gato", "perro")[0] == 0
        assert run("ask", "lab:m", "--template", "translate", "hola")[0] == 0
        assert run("ask", "lab:m", "--template", "clue-game", "perro")[0] == 2
        assert run("ask", "lab:m", "--template", "nobody", "perro")[0] == 2
        (own / "broken.toml").write_text("prompt = [")
        code, _out, err = run("ask", "lab:m", "--template", "translate", "hola")
        assert (code, "broken.toml" in err) == (1, True)
    first, second, third = bodies(server)
    assert "qué asco {animal}" in first["messages"][0]["content"], "nothing in braces is evaluated"
    assert (first["temperature"], first["max_tokens"], first["frequency_penalty"]) == (0, 60, 0.5)
    assert "gato" in second["messages"][0]["content"]
    assert third["messages"][0]["content"] == "En guaraní: hola hola"


def test_several_replies_and_how_likely_each_token_was(run: Run) -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1.5}]}]}
    lines = (chunk("uno", "stop", 0, logprobs=logprobs), chunk("dos", "stop", 1), "[DONE]")
    with raw.serving(raw.stream(*lines)) as server:
        lab(server)
        code, out, _err = run("ask", "lab:m", "hola", "--n", "2", "--logprobs", "1")
        told = json.loads(run("--json", "ask", "lab:m", "hola", "--n", "2", "--logprobs", "1")[1])
    assert code == 0
    assert out.startswith("— 1 —\nuno\n— 2 —\ndos\n")
    assert "60.7%" in out
    assert [one["text"] for one in told["alternatives"]] == ["uno", "dos"]
    assert told["logprobs"] == [{"token": "a", "logprob": -0.5, "others": {"b": -1.5}}]
    assert bodies(server)[0]["top_logprobs"] == 1


@pytest.mark.parametrize("whole", [True, False])
def test_nothing_in_a_reply_reaches_the_terminal_raw(run: Run, whole: bool) -> None:
    text = "".join(one for one in HOSTILE if len(one) < 1000) + "a" + "\u0301" * 500
    pieces = [text] if whole else list(text)
    with raw.serving(raw.stream(*map(chunk, pieces), chunk("", "stop"), "[DONE]")) as server:
        lab(server)
        code, out, _err = run("ask", "lab:m", "hola")
    assert code == 0
    assert is_safe(out)
    assert "\x1b" not in out
    assert out.count("\u0301") <= 16


def test_two_models_in_a_table(run: Run) -> None:
    with raw.serving(WHOLE, WHOLE, WHOLE, WHOLE, CUT) as server:
        lab(server)
        code, out, _err = run("compare", "lab:m", "lab:n", "hola", "--temperatures", "0,1.5")
        assert code == 0
        rows = [line.split() for line in out.splitlines()]
        assert [(row[0], row[1], row[-1]) for row in rows[1:]] == [
            ("0", "lab:m", "tal?"), ("0", "lab:n", "tal?"), ("1.5", "lab:m", "tal?"), ("1.5", "lab:n", "tal?"),
        ]  # fmt: skip
        code, out, _err = run("--json", "compare", "lab:m", "lab:n", "hola", "--temperature", "1")
    assert code == 1, "both were cut off"
    assert [json.loads(line)["asked"] for line in out.splitlines()] == ["lab:m", "lab:n"]
    assert sorted((body["model"], body["temperature"]) for body in bodies(server)[:4]) == [
        ("m", 0), ("m", 1.5), ("n", 0), ("n", 1.5),
    ]  # fmt: skip


def test_a_talk_line_by_line_remembers_and_ends_by_its_word(run: Run) -> None:
    with raw.serving(WHOLE, WHOLE, CUT, WHOLE) as server:
        lab(server)
        said = "hola\n\n/set temperature=0.5\n¿y?\n/system Breve.\nuna más\n/again\n/nothing\nsalir\nno"
        code, out, err = run("chat", "lab:m", "--window", "3", stdin=said)
    assert code == 0, "the last reply was whole"
    assert out == "¿Qué tal?\n¿Qué tal?\n¿Qué ta\n¿Qué tal?\n"
    assert "/again" in err
    first, second, third, again = (body["messages"] for body in bodies(server))
    assert first == [{"role": "user", "content": "hola"}]
    assert [one["content"] for one in second] == ["hola", "¿Qué tal?", "¿y?"]
    assert [one["content"] for one in third] == ["Breve.", "¿y?", "¿Qué tal?", "una más"], "a window of three turns"
    assert again == third
    assert bodies(server)[1]["temperature"] == 0.5


def test_a_talk_goes_on_with_a_reply_that_was_cut_off(run: Run) -> None:
    with raw.serving(CUT, raw.stream(chunk("l?", "stop"), "[DONE]")) as server:
        lab(server)
        code, out, _err = run("chat", "lab:m", stdin="hola\n/more\n/more\n")
    assert (code, out) == (0, "¿Qué ta\nl?\n")
    second = bodies(server)[1]
    assert second["messages"][-1] == {"role": "assistant", "content": "¿Qué ta"}
    assert second["continue_final_message"] is True


def test_what_was_said_longest_ago_is_forgotten_where_the_context_is_too_short(run: Run) -> None:
    full = raw.error("400 Bad Request", "The prompt has 600 tokens", "context_length_exceeded")
    with raw.serving(WHOLE, WHOLE, full, WHOLE) as server:
        lab(server)
        code, out, _err = run("chat", "lab:m", stdin="uno\ndos\ntres\n")
    assert (code, out.count("¿Qué tal?")) == (0, 3)
    assert [one["content"] for one in bodies(server)[3]["messages"]] == ["dos", "¿Qué tal?", "tres"]


def test_an_older_model_gets_one_prompt(run: Run) -> None:
    told = json.dumps({"choices": [{"index": 0, "text": " claro", "finish_reason": "stop"}]})
    with raw.serving(raw.stream(told, "[DONE]")) as server:
        lab(server)
        assert run("ask", "lab:davinci-002", "¿vienes?")[:2] == (0, "claro\n")
    assert b"POST /v1/completions" in server.asked[0]
    assert bodies(server)[0]["prompt"] == "¿vienes?"


def test_a_reader_who_leaves_ends_it_quietly(workspace_folder: Path) -> None:
    def until_left(line: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                line.sendall(f"data: {chunk('palabra' + chr(10))}\n\n".encode())

    endless = raw.stream(chunk("palabra\n"), then=until_left)
    with raw.serving(endless) as server:
        lab(server)
        words = [sys.executable, "-m", "core.commands", "ask", "lab:m", "hola"]
        with subprocess.Popen(
            words, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as asking:
            assert asking.stdout
            assert asking.stderr
            assert asking.stdout.readline() == b"palabra\n"
            asking.stdout.close()
            assert (asking.wait(60), asking.stderr.read()) == (0, b"")


def test_serving_says_what_does_not_go(run: Run) -> None:
    assert run("serve")[0] == 2
    assert run("serve", "openai:gpt-4.1-mini")[0] == 2
    assert json.loads(run("--json", "serve", "--stop")[1]) == {"stopped": 0}
    assert run("ask", "nobody", "hola")[0] == 2
