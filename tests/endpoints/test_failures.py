"""Every way in which a server can fail has words of its own, a next step, and a judgement whether to try again."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from core import endpoints, language
from core.endpoints import Failure
from core.problem import Misuse, Problem
from core.settings import Endpoint, Settings
from tests.endpoints import raw

KEY = "sk-sentinel-DoNotShow-1234567890"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_KEY", KEY)


def profile(url: str, kind: str = "custom") -> endpoints.Profile:
    return endpoints.profile_for(Endpoint("lab", url, kind, "LAB_KEY"))


def failing(act: raw.Act, *, read: float = 60.0) -> tuple[Failure, int]:
    """What a list of models fails with, and how often it was asked for when one repetition was allowed."""
    with raw.serving(act) as server, endpoints.open_client(profile(server.url), read=read) as client:
        with pytest.raises(Failure) as caught:
            endpoints.call(lambda: client.models.list(), profile(server.url), tries=2, sleep=lambda _seconds: None)
        return caught.value, len(server.asked)


TABLE: list[tuple[str, raw.Act, str, bool, str]] = [
    ("401", raw.error("401 Unauthorized", f"Wrong key: {KEY}", "invalid_api_key"), "key", False, "config key"),
    ("403", raw.error("403 Forbidden", f"not for {KEY}"), "forbidden", False, "account lab limits"),
    ("404", raw.error("404 Not Found", "no model x", "model_not_found"), "missing", False, "account lab models"),
    ("404 page", raw.answer("404 Not Found", b"<html>", kind="text/html"), "address", False, "/v1"),
    ("408", raw.error("408 Request Timeout", "late"), "slow", True, "again"),
    ("409", raw.error("409 Conflict", "twice"), "conflict", True, "again"),
    ("413", raw.answer("413 Content Too Large", b"big", kind="text/plain"), "large", False, "parts"),
    ("422", raw.answer("422 Unprocessable Entity", {"detail": "n_epochs is 999"}), "invalid", False, "Correct"),
    ("429", raw.error("429 Too Many", "slow down", "rate_limit_exceeded"), "rate", True, "allows"),
    ("quota", raw.error("429 Too Many", f"no money for {KEY}", "insufficient_quota"), "quota", False, "--on local"),
    ("500", raw.error("500 Oops", "overloaded"), "server", True, "status page"),
    ("503", raw.answer("503 Down", b"down", kind="text/plain"), "server", True, "status page"),
    ("a page", raw.answer("200 OK", b"<html>hello</html>", kind="text/html"), "not-json", False, "/v1"),
    ("cut JSON", raw.answer("200 OK", b'{"data": [{"id": "m'), "broken", True, "base_url"),
    ("reset", raw.reset, "reset", True, "looked up"),
]  # fmt: skip


@pytest.mark.parametrize(("act", "kind", "again", "step"), [one[1:] for one in TABLE], ids=[one[0] for one in TABLE])
def test_each_has_its_own_words_and_next_step(act: raw.Act, kind: str, again: bool, step: str) -> None:
    failure, asked = failing(act)
    assert failure.kind == kind
    assert failure.retry is again
    assert asked == (2 if again else 1)
    assert step in failure.advice
    assert KEY not in str(failure) and "Traceback" not in str(failure)
    assert failure.where == "lab" and "\n" not in str(failure)


@pytest.mark.parametrize("spoken", ["en", "es"])
def test_no_two_of_them_say_the_same(spoken: str) -> None:
    language.choose(spoken)
    said = {failing(act)[0].what for name, act, *_rest in TABLE if name != "503"}
    assert len(said) == len(TABLE) - 1


def test_a_server_that_is_not_there_and_one_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    there = profile(f"http://127.0.0.1:{port}/v1")
    with endpoints.open_client(there) as client, pytest.raises(Failure) as caught:
        endpoints.call(lambda: client.models.list(), there, tries=1)
    assert caught.value.kind == "unreachable"

    failure, _asked = failing(raw.wait, read=0.05)
    assert failure.kind == "slow"


CHUNK = (
    '{"id":"1","object":"chat.completion.chunk","created":1,"model":"m",'
    '"choices":[{"index":0,"delta":{"content":"ho"}}]}'
)


@pytest.mark.parametrize(
    ("act", "kind", "said"),
    [
        (raw.stream(CHUNK, then=raw.reset), "cut-off", "connection broke"),
        (raw.stream(CHUNK, then=raw.wait), "cut-off", "silent"),
        (raw.stream(CHUNK, '{"broken'), "broken", "protocol"),
        (raw.stream(CHUNK, '{"error": {"message": "out of memory", "type": "server_error"}}'), "said", "out of memory"),
    ],
)
def test_a_stream_that_breaks_is_told_apart(act: raw.Act, kind: str, said: str) -> None:
    # Only where the server falls silent is anything waited for: under load the rest takes its time.
    read = 1.0 if said == "silent" else 30.0
    with raw.serving(act) as server, endpoints.open_client(profile(server.url), read=read) as client:
        there = profile(server.url)
        got: list[Any] = []
        with pytest.raises(Failure) as caught, endpoints.explained(there, streaming=True):
            stream = endpoints.call(
                lambda: client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "?"}], stream=True
                ),
                there,
            )
            got.extend(stream)
    assert len(got) == 1
    assert caught.value.kind == kind
    assert said in caught.value.what


def test_a_wait_is_told_second_by_second_as_long_as_the_server_asked_for_and_can_be_given_up() -> None:
    limited = raw.error("429 Too Many", "slow down", "rate_limit_exceeded", "Retry-After: 3")
    fine = raw.answer("200 OK", {"object": "list", "data": []})
    told: list[float] = []
    slept: list[float] = []
    with raw.serving(limited, fine) as server, endpoints.open_client(profile(server.url)) as client:
        endpoints.call(
            lambda: client.models.list(),
            profile(server.url),
            tell=lambda left, failure, attempt: told.append(left),
            sleep=slept.append,
        )
        assert (told, slept) == ([3.0, 2.0, 1.0, 0.0], [1.0, 1.0, 1.0])
    with raw.serving(limited) as server, endpoints.open_client(profile(server.url)) as client:
        given_up = iter([False, True])
        with pytest.raises(Failure) as caught:
            endpoints.call(
                lambda: client.models.list(), profile(server.url), stop=lambda: next(given_up), sleep=slept.append
            )
        assert caught.value.kind == "rate" and len(server.asked) == 1


def test_what_must_not_happen_twice_is_not_asked_for_again_after_a_silence() -> None:
    with raw.serving(raw.reset) as server, endpoints.open_client(profile(server.url)) as client:
        with pytest.raises(Failure):
            endpoints.call(
                lambda: client.models.list(),
                profile(server.url),
                again=lambda failure: not failure.silent,
                sleep=lambda _seconds: None,
            )
        assert len(server.asked) == 1


def test_without_a_key_the_step_is_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_KEY")
    with pytest.raises(Problem, match="config key lab"):
        endpoints.open_client(profile("http://127.0.0.1:1/v1"))
    bare = endpoints.profile_for(Endpoint("here", "http://127.0.0.1:1/v1"))
    endpoints.open_client(bare).close()  # a server on this machine asks for none


def test_the_environment_of_one_provider_is_not_told_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other-secret")
    fine = raw.answer("200 OK", {"object": "list", "data": []})
    with raw.serving(fine) as server, endpoints.open_client(profile(server.url)) as client:
        client.models.list()
    assert b"secret" not in server.asked[0]
    assert KEY.encode() in server.asked[0]


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("openai", lambda one: one.can("pause") and one.can("parts") and not one.bom and one.suffix_limit == 64),
        ("azure", lambda one: one.bom and one.training_type == "Standard" and not one.suffix_dots and not one.deploys),
        ("nebius", lambda one: one.top_level_hyperparameters and one.lora and not one.can("pause")),
        ("custom", lambda one: one.can("fine-tune") and one.fewest_examples == 1),
    ],
)
def test_each_kind_has_its_abilities(kind: str, check: Callable[[endpoints.Profile], bool]) -> None:
    assert check(profile("http://127.0.0.1:1/v1", kind))


def test_an_endpoint_may_say_itself_what_it_can() -> None:
    one = endpoints.profile_for(Endpoint("lab", "http://127.0.0.1:1", abilities="chat, files", train_price="0.50"))
    assert one.can("files") and not one.can("fine-tune") and str(one.train_price) == "0.50"
    with pytest.raises(Misuse, match=r"endpoints\.lab\.abilities"):
        one.need("fine-tune")
    for wrong in (Endpoint("lab", "http://127.0.0.1:1", abilities="fly"), Endpoint("lab", "x", train_price="-1")):
        with pytest.raises(Misuse):
            endpoints.profile_for(wrong)


def test_a_remote_model_is_named_by_its_profile(tmp_path: Any) -> None:
    settings = Settings(tmp_path, endpoints={"lab": Endpoint("lab", "http://127.0.0.1:1")})
    found, model = endpoints.split_name(settings, "lab:ft:gpt-4.1:org::id")
    assert (found.name, model) == ("lab", "ft:gpt-4.1:org::id")
    assert endpoints.is_remote(settings, "lab:x") and not endpoints.is_remote(settings, "ft:x")
    for wrong in ("lab", "lab:", "nobody:x"):
        with pytest.raises(Misuse):
            endpoints.split_name(settings, wrong)
