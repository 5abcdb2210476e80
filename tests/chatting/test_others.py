"""The same client with servers of others: a judge that breaks what it sends, a fixture server, and transformers' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core import endpoints
from core.chatting import doors
from core.chatting.client import Client, Patience
from core.chatting.manner import Manner
from core.settings import Endpoint
from tests import tiny
from tests.chatting import others

pytestmark = pytest.mark.timeout(400)

HOLA = [{"role": "user", "content": "hola, ¿vienes a la plaza con los otros después de comer?"}]


def client_of(url: str, **patience: Any) -> Client:
    """Our client, as for any endpoint of the settings."""
    return Client(doors.of_profile(endpoints.profile_for(Endpoint("lab", url)), Patience(**patience)))


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with others.llmock(tmp_path_factory.mktemp("llmock") / "log") as url:
        yield url


def scenario(judge: str, *behaviours: dict[str, Any]) -> None:
    told = httpx2.post(f"{judge}/_llmock/scenario", json={"behaviors": list(behaviours)}, trust_env=False)
    assert told.status_code < 300, told.text


def verdict(judge: str) -> str:
    return httpx2.get(f"{judge}/_llmock/verdict?format=text", trust_env=False).text


FAULTS = {
    "disconnect": ("broken", "malformed"),
    "truncate": ("unfinished",),
    "malformed": ("malformed",),
    "stall": ("stalled",),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_stream_that_fails_is_told_and_what_came_is_kept(judge: str, kind: str) -> None:
    scenario(judge, {"type": "stream_fault", "kind": kind, "after_chunks": 4})
    with client_of(f"{judge}/v1", between=0.7) as client:
        reply = client.ask("gpt-4o-mini", HOLA)
        assert reply.trouble
        assert reply.trouble.kind in FAULTS[kind]
        assert reply.trouble.can_go_on
        assert reply.text, "what arrived is kept"
        whole = client.ask("gpt-4o-mini", HOLA)
    assert whole.trouble is None
    assert whole.text != reply.text
    assert whole.text.startswith(reply.text)


def test_the_judge_passes_us_on_everything_that_it_can_break(judge: str) -> None:
    httpx2.post(f"{judge}/_llmock/reset", trust_env=False)
    with client_of(f"{judge}/v1", between=0.7) as client:
        for behaviour in (
            {"type": "fail", "status": 429, "retry_after": 1, "times": 1},
            {"type": "fail", "status": 503, "times": 2},
            {"type": "fail", "status": 400, "times": 1},
            *({"type": "stream_fault", "kind": kind, "after_chunks": 2} for kind in FAULTS),
            {"type": "slow_first_token", "seconds": 1.0},
        ):
            # What comes after a fault lasts ten seconds: the judge always sees that we leave before the end of it.
            more = [{"type": "reply", "text": "palabra " * 2000, "times": 1}] if "kind" in behaviour else []
            scenario(judge, behaviour, *more)
            words = [{"role": "user", "content": f"{behaviour} a question of its own, long enough to be cut"}]
            reply = client.ask("gpt-4o-mini", words, tries=2)
            refused = behaviour.get("status") == 400
            assert (reply.trouble is not None) == refused, (behaviour, reply)
    told = verdict(judge)
    assert "PASS" in told, told
    assert not [line for line in told.splitlines() if line.strip().startswith(("WARN", "FAIL", "ERROR"))], told


def test_a_busy_server_is_waited_for_as_long_as_it_asks_and_that_can_be_seen(judge: str) -> None:
    scenario(judge, {"type": "fail", "status": 429, "retry_after": 1, "times": 1})
    with client_of(f"{judge}/v1") as client, client.stream("gpt-4o-mini", HOLA) as stream:
        waits: list[float] = []
        while not stream.done:
            waits.append(stream.figures.waits)
            stream.drain(0.05)
        assert stream.reply.trouble is None
    assert max(waits) > 0.5


def test_aimock_is_understood(tmp_path: Path) -> None:
    with others.aimock(tmp_path / "log") as url, client_of(url) as client:
        reply = client.ask("gpt-4o-mini", [{"role": "user", "content": "hello"}])
    assert reply.trouble is None, reply
    assert reply.text


def test_a_merged_model_under_transformers_serve_says_what_ours_says(tmp_path: Path) -> None:
    from core import training
    from core.chatting import serving

    done = tiny.tuned()
    training.merge(done.base, done.adapter, tmp_path / "merged")
    still = Manner(temperature=0, max_tokens=40)
    asked = [{"role": "user", "content": "¿Qué me cuentas del gato?"}]
    server = serving.start(tmp_path / "s", tmp_path / "merged")
    try:
        with Client(doors.of_server(server)) as client:
            ours = client.ask(server.base_name, asked, still)
    finally:
        serving.stop_servers(tmp_path / "s")
    with others.transformers_serve(tmp_path / "merged", tmp_path / "log") as url, client_of(url) as client:
        theirs = client.ask(str(tmp_path / "merged"), asked, still)
    assert ours.trouble is None
    assert theirs.trouble is None, theirs
    assert theirs.text.strip() == ours.text.strip()
