"""What goes wrong on the way to a model, told as a `Trouble`: what happened, and what to do.

In: what the openai package raised, or what a server sent in place of a stream. Out: plain data. A key is never repeated,
nor is a page of HTML; a server's own sentence is, and whoever shows it makes it safe.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

import httpx2
import openai

from core.chatting import replies
from core.chatting.replies import Trouble
from core.language import _
from core.problem import Problem

_LONGEST: Final = 300  # characters of a server's own words
AGAIN: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})  # worth another try in a moment
LONGEST_WAIT: Final = 60.0  # seconds; a server that asks for more is told to the person instead


def of_error(error: Exception, *, arrived: bool, patience: float) -> Trouble:
    """The trouble that this error is, before or after something had arrived."""
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return stalled(patience, arrived=arrived)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return broken() if arrived else unreachable()
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, openai.OpenAIError) and not isinstance(error, openai.APIError):
        return Trouble(replies.REFUSED, _clipped(str(error)))  # the package itself refuses, such as for want of a key
    if isinstance(error, openai.APIError):  # an error object in the middle of a stream
        return Trouble(
            replies.FAILED,
            _("The model's server failed: {reason}").format(reason=_clipped(str(error.message))),
            _("Try again."),
            code=str(error.code or error.type or ""),
        )
    # What the openai package lets through of a stream that is not what it should be: JSON cut in two, a list where an
    # object should be.
    return malformed()


def of_problem(problem: Problem) -> Trouble:
    """What keeps the request from being made at all, such as a missing key."""
    return Trouble(
        replies.REFUSED, f"{problem.where}: {problem.what}" if problem.where else problem.what, problem.advice
    )


def stalled(patience: float, *, arrived: bool) -> Trouble:
    said = _("Nothing more has come for {seconds} s.") if arrived else _("The model has said nothing for {seconds} s.")
    return Trouble(replies.STALLED, said.format(seconds=f"{patience:g}"), _("Go on, or try again."))


def broken() -> Trouble:
    return Trouble(replies.BROKEN, _("The connection broke in the middle of the reply."), _("Go on, or try again."))


def unreachable() -> Trouble:
    return Trouble(replies.UNREACHABLE, _("The model does not answer."), _("Its server may have stopped: try again."))


def malformed() -> Trouble:
    return Trouble(replies.MALFORMED, _("The server sent something that is no reply."), _("Go on, or try again."))


def unfinished() -> Trouble:
    return Trouble(
        replies.UNFINISHED, _("The reply ended without its server saying that it was whole."), _("Go on, or try again.")
    )


def stopped() -> Trouble:
    return Trouble(replies.STOPPED, _("The reply was stopped."))


def cut_off() -> Trouble:
    return Trouble(
        replies.CUT_OFF, _("The reply was cut off at its greatest length."), _("Go on, or allow more with max_tokens.")
    )


def filtered() -> Trouble:
    return Trouble(replies.FILTERED, _("The provider's filter cut the reply."), _("Ask otherwise."))


def foreign(sort: str) -> Trouble:
    """Something else than a stream came, such as a web page."""
    return Trouble(
        replies.FOREIGN,
        _("The address answers with {sort}, not with a model's reply.").format(sort=sort),
        _("Check base_url: it usually ends with /v1, and a login page or proxy may stand in the way."),
    )


def of_body(body: bytes) -> Trouble | dict[str, Any]:
    """JSON that came in place of a stream: a whole reply after all, or what is wrong."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return malformed()
    if isinstance(told, dict):
        told = cast("dict[str, Any]", told)
        if isinstance(told.get("choices"), list):
            return told
        error = told.get("error")
        if error:
            reason = _reason(told)
            return Trouble(replies.REFUSED, _("The model's server refused: {reason}").format(reason=reason))
    return foreign("JSON")


def _of_status(error: openai.APIStatusError) -> Trouble:
    status, code = error.status_code, str(error.code or "")
    page = "html" in error.response.headers.get("content-type", "")
    what = _("The model's server refused: {reason}").format(
        reason=f"HTTP {status}" if page else _reason(error.body, f"HTTP {status}")
    )
    advice, after = "", _retry_after(error.response.headers.get("retry-after", ""))
    if status in (401, 403):
        # In our own words: a provider's may repeat a part of the key.
        what = _("The server does not accept the key.") if status == 401 else what
        advice = _("Store the right one with `sinsonte config key NAME`, or set its variable.")
    elif status == 404 and page:
        advice = _("base_url probably lacks /v1.")
    elif code == "context_length_exceeded":
        advice = _("Leave out earlier turns, or ask for less.")
    elif code == "insufficient_quota":
        what, after = _("The provider's account has no credit left."), 0.0
        advice = _("Top it up, or use another model.")
        status = 402  # not worth another try
    elif status in AGAIN:
        advice = _("Try again in a moment.")
    return Trouble(replies.REFUSED, what, advice, status, code, after)


def _retry_after(said: str) -> float:
    try:
        return max(0.0, float(said))
    except ValueError:
        return 0.0


def _reason(body: object, otherwise: str = "?") -> str:
    """A server's own sentence, wherever it put it."""
    told = body
    for name in ("error", "message", "detail"):
        if isinstance(told, dict) and name in told:
            told = cast("dict[str, object]", told)[name]
    if isinstance(told, dict | list):
        told = json.dumps(told, ensure_ascii=False)
    return _clipped(told) if isinstance(told, str) and told.strip() else otherwise


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
