"""A stream as it comes, from a server that says exactly what each test wants."""

from __future__ import annotations

import json
import socket
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core import endpoints
from core.chatting import doors
from core.chatting.client import Client, Patience
from core.chatting.manner import Manner, Preset, preset
from core.chatting.replies import Reply
from core.counting.using import UsePrice
from core.problem import Misuse
from core.settings import Endpoint
from tests.endpoints import raw

HOLA = [{"role": "user", "content": "hola"}]


def chunk(text: str = "", finish: str | None = None, index: int = 0, **more: Any) -> str:
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more})


USAGE = json.dumps(
    {"id": "x", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}
)
WHOLE = (chunk("¿Qué"), chunk(" tal"), chunk("?", "stop"), USAGE, "[DONE]")


def client_of(url: str, **patience: Any) -> Client:
    return Client(doors.of_profile(endpoints.profile_for(Endpoint("lab", url)), Patience(tries=1, **patience)))


def asked(*acts: raw.Act, manner: Manner | None = None, **patience: Any) -> tuple[Reply, list[bytes]]:
    with raw.serving(*acts) as server, client_of(server.url, **patience) as client:
        return client.ask("m", HOLA, manner), server.asked


def test_a_whole_reply_has_its_figures() -> None:
    reply, (request,) = asked(raw.stream(*WHOLE))
    assert (reply.text, reply.finish, reply.trouble, reply.model) == ("¿Qué tal?", "stop", None, "m")
    assert (reply.figures.prompt_tokens, reply.figures.reply_tokens, reply.figures.exact) == (7, 3, True)
    assert reply.figures.first_token is not None
    assert reply.figures.first_token <= reply.figures.seconds
    sent = json.loads(request.partition(b"\r\n\r\n")[2])
    assert sent["stream_options"] == {"include_usage": True}
    assert "temperature" not in sent, "what nobody chose is left to the server"


def test_money_is_counted_from_tokens() -> None:
    with raw.serving(raw.stream(*WHOLE)) as server, client_of(server.url) as client:
        price = UsePrice(Decimal(2), Decimal(10), "USD", "test")
        figures = client.stream("m", HOLA, price=price).whole().figures
    assert (figures.cost, figures.currency) == ((7 * Decimal(2) + 3 * Decimal(10)) / 1_000_000, "USD")


def test_without_usage_the_count_is_an_estimate_and_says_so() -> None:
    reply, _asked = asked(raw.stream(*WHOLE[:3], "[DONE]"))
    assert (reply.figures.reply_tokens, reply.figures.exact) == (3, False)


def close(line: socket.socket) -> None:
    line.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("act", "kind", "text", "can_go_on"),
    [
        (raw.stream(chunk("a"), chunk("b")), "unfinished", "ab", True),
        (raw.stream(chunk("a"), chunk("b"), "[DONE]"), "unfinished", "ab", True),
        (raw.stream(chunk("a"), then=raw.reset), "broken", "a", True),
        (raw.stream(chunk("a"), '{"id": "x", "choi'), "malformed", "a", True),
        (raw.stream(chunk("a"), "[1, 2]"), "malformed", "a", True),
        (raw.stream(chunk("a"), '{"choices": [{"delta": {"content": ["b"]}}]}'), "malformed", "a", True),
        (raw.stream(chunk("a"), '{"choices": 7}'), "malformed", "a", True),
        (raw.stream(chunk("a"), '{"error": {"message": "out of memory", "type": "server_error"}}'), "failed", "a", True),
        (raw.stream(chunk("a"), then=raw.wait), "stalled", "a", True),
        (raw.stream(chunk("a"), chunk("b", "length"), "[DONE]"), "cut_off", "ab", True),
        (raw.stream(chunk("a"), chunk("", "content_filter"), "[DONE]"), "filtered", "a", False),
        (raw.stream(), "foreign", "", False),
        (raw.answer("200 OK", b"<html>log in</html>", kind="text/html; charset=utf-8"), "foreign", "", False),
        (raw.answer("200 OK", b"hello", kind="text/plain"), "foreign", "", False),
        (raw.answer("200 OK", b'{"status": "ok"}'), "foreign", "", False),
        (raw.answer("200 OK", b'{"choices": ['), "malformed", "", True),
        (raw.answer("200 OK", {"error": {"message": "no such model"}}), "refused", "", False),
        (raw.error("401 Unauthorized", "Incorrect key: sk-secret1234567", "invalid_api_key"), "refused", "", False),
        (raw.error("400 Bad Request", "too long", "context_length_exceeded"), "refused", "", False),
        (raw.reset, "unreachable", "", False),
        (raw.wait, "stalled", "", True),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_and_what_arrived_is_kept(act: raw.Act, kind: str, text: str, can_go_on: bool) -> None:
    reply, _asked = asked(act, between=0.3, first=0.6)
    assert reply.trouble
    assert (reply.trouble.kind, reply.text, reply.trouble.can_go_on) == (kind, text, can_go_on)
    assert reply.cut_off
    told = f"{reply.trouble.what} {reply.trouble.advice}"
    assert "sk-secret" not in told
    assert "\n" not in told


def test_json_in_place_of_a_stream_is_a_reply_after_all() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "¿Qué tal?"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    reply, _asked = asked(raw.answer("200 OK", {"model": "m", "choices": [choice], "usage": usage}))
    assert (reply.text, reply.trouble, reply.reply_tokens) == ("¿Qué tal?", None, 3)


def test_an_older_server_is_asked_without_what_it_does_not_know() -> None:
    reply, requests = asked(
        raw.error("400 Bad Request", "Unknown field: stream_options", "unknown"),
        raw.error("400 Bad Request", "Use 'max_completion_tokens' instead of max_tokens", "unsupported_parameter"),
        raw.stream(*WHOLE),
        manner=Manner(max_tokens=9),
    )
    assert reply.trouble is None
    sent = json.loads(requests[2].partition(b"\r\n\r\n")[2])
    assert "stream_options" not in sent
    assert (sent.get("max_tokens"), sent["max_completion_tokens"]) == (None, 9)


def test_stopping_is_immediate_and_the_server_is_left() -> None:
    left, begun = threading.Event(), threading.Event()

    def endless(line: socket.socket) -> None:
        line.settimeout(60)
        begun.set()
        while line.recv(65_536):
            pass
        left.set()

    with raw.serving(raw.stream(chunk("a"), then=endless)) as server, client_of(server.url) as client:
        stream = client.stream("m", HOLA)
        assert next(iter(stream)).text == "a"
        stream.stop()
        assert stream.done
        assert stream.reply.trouble
        assert (stream.reply.trouble.kind, stream.reply.text) == ("stopped", "a")
        assert begun.wait(60)
        assert left.wait(60), "the connection was closed"


def test_stopping_works_before_anything_has_come() -> None:
    with raw.serving(raw.wait) as server, client_of(server.url) as client:
        stream = client.stream("m", HOLA)
        threading.Timer(0.05, stream.stop).start()
        assert list(stream) == []
        assert stream.reply.trouble
        assert stream.reply.trouble.kind == "stopped"


def test_a_stream_can_be_drained_now_and_then() -> None:
    go = threading.Event()

    def later(line: socket.socket) -> None:
        go.wait(60)
        for one in (chunk("b", "stop"), "[DONE]"):
            line.sendall(f"data: {one}\n\n".encode())

    with raw.serving(raw.stream(chunk("a"), then=later)) as server, client_of(server.url) as client:
        stream = client.stream("m", HOLA)
        assert [piece.text for piece in stream.drain(60)] == ["a"]
        assert (stream.drain(), stream.done, stream.reply.done, stream.reply.text) == ([], False, False, "a")
        go.set()
        assert [piece.text for piece in stream] == ["b"]
        assert stream.done


def test_alternatives_are_kept_apart() -> None:
    lines = (
        chunk("a", index=0),
        chunk("b", index=1),
        chunk("A", "stop", 0),
        chunk("B", "stop", 1),
        chunk("x", None, 9),
    )
    reply, _asked = asked(raw.stream(*lines, "[DONE]"), manner=Manner(n=2))
    assert [one.text for one in reply.alternatives] == ["aA", "bB"]
    short, _asked = asked(raw.stream(*lines[::2], "[DONE]"), manner=Manner(n=3))
    assert [one.text for one in short.alternatives] == ["aA"], "a server may give fewer"


def test_what_a_model_thinks_is_no_part_of_what_it_says() -> None:
    for pieces in (["<think>mmm</think>\n\nhola"], list("<think>mmm</think>\n\nhola")):
        reply, _asked = asked(raw.stream(*map(chunk, pieces), chunk("", "stop"), "[DONE]"))
        assert (reply.text, reply.alternatives[0].thought) == ("hola", "mmm")
    apart = json.dumps({"choices": [{"index": 0, "delta": {"reasoning_content": "mmm"}}]})
    reply, _asked = asked(raw.stream(apart, chunk("a <think> b", "stop"), "[DONE]"))
    assert (reply.text, reply.alternatives[0].thought) == ("a <think> b", "mmm")
    reply, _asked = asked(raw.stream(chunk(" <thi"), chunk("", "stop"), "[DONE]"))
    assert reply.text == " <thi", "it was no thought after all"


def test_no_proxy_and_no_other_place_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret1234567")
    _reply, (request,) = asked(raw.stream(*WHOLE))
    assert b"sk-secret" not in request, "a key is for its own endpoint"


def test_a_manner_is_checked_and_named_ones_are_what_the_seeds_used() -> None:
    for values in ({"temperature": 3}, {"top_p": "x"}, {"n": 0}, {"seed": 1.5}, {"nothing": 1}, {"max_tokens": True}):
        with pytest.raises(Misuse):
            Manner().changed(values)
    assert Manner().changed({"temperature": "0.5", "max_tokens": ""}).to_dict() == {"temperature": 0.5}
    smol: Preset = preset("whatsapp-smollm3")
    assert smol.manner.to_dict() == {
        "temperature": 0.6, "top_p": 0.95, "max_tokens": 100, "repetition_penalty": 1.1,
    }  # fmt: skip
    assert smol.manner.request(beyond=False) == {"temperature": 0.6, "top_p": 0.95, "max_tokens": 100}
    with pytest.raises(Misuse, match="course-bot"):
        preset("nobody")


def test_servers_of_others_are_found_where_they_usually_are(tmp_path: Path) -> None:
    from core.chatting import finding

    told = {"object": "list", "data": [{"id": "llama-3", "object": "model"}]}
    with raw.serving(raw.answer("200 OK", told)) as good, raw.serving(raw.answer("200 OK", b"<html>")) as page:
        ports = {name: int(url.rpartition(":")[2][:-3]) for name, url in (("ollama", good.url), ("vllm", page.url))}
        with socket.create_server(("127.0.0.1", 0)) as silent:
            found = finding.look({**ports, "lmstudio": silent.getsockname()[1]})
    assert [(one.name, one.models) for one in found] == [("ollama", ("llama-3",))]
    assert finding.usual("ollama")
    assert finding.usual("nobody") is None
