"""What went wrong between us and a server, in words: what happened, what to do, and whether trying again can help.

In: any exception of the openai package, of its transport, or of Python itself over an answer that makes no sense. Out:
a `Failure`. The text of a server is untrusted and may repeat our key: it is cut short, made fit to show, and whatever
looks like a key in it is blotted out.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from core.endpoints.profiles import Profile
from core.language import _
from core.problem import Problem
from core.safe_text import shown_in_line

if TYPE_CHECKING:
    import openai

LONGEST: Final = 300  # characters of a server's own words
_KEYS: Final = re.compile(
    r"\b(?:sk|pk|rk|key|ek|sess)[-_][\w*.-]{6,}|\bBearer\s+\S+|\b[0-9a-fA-F]{32,}\b|\b\d{6,}:[\w-]{20,}"
)


class Failure(Problem):
    """One failed call. `kind` is a word for programs (see `failure_of`), `wait` what the server asked for in seconds."""

    SAYS: ClassVar[tuple[str, ...]] = ("kind", "what", "where", "advice", "retry", "wait", "status", "code")

    def __init__(
        self,
        kind: str,
        what: str,
        *,
        where: str = "",
        advice: str = "",
        retry: bool = False,
        wait: float | None = None,
        status: int = 0,
        code: str = "",
    ) -> None:
        super().__init__(what, where=where, advice=advice)
        self.kind = kind
        self.retry = retry
        self.wait = wait
        self.status = status
        self.code = code

    @property
    def silent(self) -> bool:
        """Whether no answer came at all, so that what was asked for may have happened or not."""
        return self.kind in ("unreachable", "reset", "slow") or self.status >= 500


def failure_of(error: BaseException, profile: Profile, *, streaming: bool = False) -> Failure | None:
    """The failure that an exception is, or None for one that is a mistake in our own code.

    Kinds: no-key, key, forbidden, missing, address, conflict, large, invalid, refused, rate, quota, server, not-json,
    broken, unreachable, reset, slow, cut-off, said (a server's error in a stream); and gone (core/endpoints/beside.py).
    """
    import httpx2
    import openai

    where = profile.name
    if isinstance(error, Failure):
        return error
    if isinstance(error, openai.APIStatusError):
        return _status(error, profile)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return _slow(where, streaming, error)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return _connection(where, profile, streaming, error)
    if isinstance(error, openai.APIError):
        said = words(error.message)
        return Failure(
            "said",
            _("the server broke off with an error: {said}.").format(said=said.rstrip(".")),
            where=where,
            advice=_("Try again."),
            retry=True,
        )
    if isinstance(error, openai.OpenAIError):
        return Failure("no-key", words(str(error)), where=where, advice=_give_key(profile))
    if isinstance(error, AttributeError) and isinstance(error.obj, str):
        return not_json(profile)  # the package took a page of text for the data of a list
    if isinstance(error, ValueError | AttributeError | TypeError | KeyError):
        # The package hands these on unchanged when an answer is not what the protocol says (json.JSONDecodeError, or
        # an attribute that a text does not have).
        return Failure(
            "broken",
            _("the server's answer is not what the protocol says, or it was cut off."),
            where=where,
            advice=_("Try again; if it stays so, check that base_url leads to a server of this protocol."),
            retry=True,
        )
    return None


@contextmanager
def explained(profile: Profile, *, streaming: bool = False) -> Generator[None]:
    """Within the block, every failure of the endpoint comes out as a `Failure`."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        failure = failure_of(error, profile, streaming=streaming)
        if failure is None:
            raise
        raise failure from None


def not_json(profile: Profile) -> Failure:
    """The failure of an answer that came with 200 and is a web page or plain text."""
    return Failure(
        "not-json",
        _("the server answered with a page of text instead of data."),
        where=profile.name,
        advice=_("base_url ({url}) probably lacks /v1, or a proxy stands between.").format(
            url=shown_in_line(profile.endpoint.base_url, limit=120)
        ),
    )


def words(text: object) -> str:
    """A server's own words, short, fit to show, and without anything that may be a key."""
    return str(shown_in_line(_KEYS.sub("…", " ".join(str(text).split())), limit=LONGEST)) or "—"


def _status(error: openai.APIStatusError, profile: Profile) -> Failure:
    status, where = error.status_code, profile.name
    body = _body(error)
    code = str(body.get("code") or error.code or "")
    said = _said(error, body)
    told: dict[str, Any] = {"where": where, "status": status, "code": code}
    if status == 401:
        return Failure("key", _("the server does not accept the key."), advice=_give_key(profile), **told)
    if status == 403:
        return Failure(
            "forbidden",
            _("the server does not allow this: {said}").format(said=said),
            advice=_(
                "The account may lack the right, the region or its verification; for fine-tuning see what the provider "
                "still offers: `sinsonte account {name} limits`."
            ).format(name=where),
            **told,
        )
    if status == 404 and not body:
        return Failure(
            "address",
            _("the server knows no such address."),
            advice=_("base_url ({url}) probably lacks /v1.").format(
                url=shown_in_line(profile.endpoint.base_url, limit=120)
            ),
            **told,
        )
    if status == 404:
        there = _("What there is: `sinsonte account {name} models` (or files, jobs).").format(name=where)
        if not profile.deploys:
            told_before = _("The tuned model must be deployed at the provider, by its own means, before it answers.")
            there = f"{told_before} {there}"
        return Failure(
            "missing",
            _("the server has no such thing: {said}").format(said=said),
            advice=there,
            **told,
        )
    if status == 409:
        return Failure(
            "conflict",
            _("the server is busy with the same thing: {said}").format(said=said),
            advice=_("Ask again after a while."),
            retry=True,
            wait=_retry_after(error.response.headers),
            **told,
        )
    if status == 413:
        return Failure(
            "large",
            _("the server takes no request of this size."),
            advice=_("The file is above its limit: split the dataset, or use an endpoint that takes parts."),
            **told,
        )
    if status == 429:
        if "quota" in code or "billing" in code or body.get("type") == "insufficient_quota":
            return Failure(
                "quota",
                _("the account has no money left, or its limit is reached."),
                advice=_("Trying again changes nothing: raise the limit at the provider, or train with --on local."),
                **told,
            )
        return Failure(
            "rate",
            _("the server asks for fewer requests."),
            advice=_("Ask again when the server allows it."),
            retry=True,
            wait=_retry_after(error.response.headers),
            **told,
        )
    if status >= 500:
        return Failure(
            "server",
            _("the server has trouble of its own (HTTP {status}): {said}").format(status=status, said=said),
            advice=_("Ask again later; the provider's status page may say more."),
            retry=True,
            wait=_retry_after(error.response.headers),
            **told,
        )
    if status == 408:
        return Failure(
            "slow", _("the server gave up waiting for the request."), advice=_("Try again."), retry=True, **told
        )
    kind = "invalid" if status == 422 else "refused"
    return Failure(
        kind,
        _("the server refused the request (HTTP {status}): {said}").format(status=status, said=said),
        advice=_("Correct what it names; the same request would be refused again."),
        **told,
    )


def _slow(where: str, streaming: bool, error: BaseException) -> Failure:
    import httpx2

    if isinstance(error.__cause__ or error, httpx2.ConnectTimeout):
        return Failure(
            "unreachable",
            _("no connection within the time allowed."),
            where=where,
            advice=_("Check the network and base_url."),
            retry=True,
        )
    if streaming:
        return Failure(
            "cut-off",
            _("the server fell silent in the middle of its answer."),
            where=where,
            advice=_("What came is kept; ask again for the rest."),
            retry=True,
        )
    return Failure(
        "slow",
        _("the server does not answer in the time allowed."),
        where=where,
        advice=_("It may be busy or stuck: try again later."),
        retry=True,
    )


def _connection(where: str, profile: Profile, streaming: bool, error: BaseException) -> Failure:
    import httpx2

    cause = error.__cause__ or error
    if streaming:
        return Failure(
            "cut-off",
            _("the connection broke in the middle of the answer."),
            where=where,
            advice=_("What came is kept; ask again for the rest."),
            retry=True,
        )
    if isinstance(cause, httpx2.ConnectError):
        reason = words(cause)
        return Failure(
            "unreachable",
            _("the server cannot be reached at {url} ({reason}).").format(
                url=shown_in_line(profile.endpoint.base_url, limit=120), reason=reason
            ),
            where=where,
            advice=_("Check the network and base_url; if certificates are named, set SSL_CERT_FILE."),
            retry=True,
        )
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return Failure("address", _("base_url is no address that can be called."), where=where, advice=_("Correct it."))
    return Failure(
        "reset",
        _("the connection broke before the answer came."),
        where=where,
        advice=_("Try again: what was to be made there (a file, a job) is looked up before it is asked for once more."),
        retry=True,
    )


def _give_key(profile: Profile) -> str:
    return _("Check the key and its project, or store another with `sinsonte config key {name}`.").format(
        name=profile.name
    )


def _body(error: openai.APIStatusError) -> Mapping[str, Any]:
    body: Any = error.body
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}


def _said(error: openai.APIStatusError, body: Mapping[str, Any]) -> str:
    # Where the text stands differs: `message` in the protocol, `detail` in many servers' 422, else all of it.
    for key in ("message", "detail", "error", "title"):
        if body.get(key):
            return _ended(words(body[key]))
    return _ended(words(body) if body else words(error.message))


def _ended(said: str) -> str:
    """With an end, since our advice follows."""
    return said if said[-1] in ".!?…)" else f"{said}."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """What the server asked for: milliseconds, seconds, or a date; nothing that is no time."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        told = headers.get(name, "")
        try:
            seconds = float(told) / unit
        except ValueError:
            continue
        if 0 <= seconds < 1e7:
            return seconds
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, moment.timestamp() - time.time())
