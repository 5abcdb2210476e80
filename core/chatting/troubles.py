"""What goes wrong on the way to a model, told as a `Trouble`: what happened, and what to do.

In: what was raised on the way, or what a server sent in place of a stream. Out: plain data. What a server refuses is
put in words by core/endpoints/failures.py; here is what only a stream can suffer, and our own server.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from core import endpoints
from core.chatting import replies
from core.chatting.bounds import TooMuchError
from core.chatting.replies import Trouble
from core.endpoints.failures import words
from core.language import _
from core.problem import Problem

if TYPE_CHECKING:
    from core.chatting.client import Door

LONGEST_WAIT: Final = 60.0  # seconds; a server that asks for more is told to the person instead


def of_error(error: Exception, door: Door, *, arrived: bool) -> Trouble | None:
    """The trouble that this error is, before or after something had arrived; None for a mistake of our own."""
    if isinstance(error, TooMuchError):
        return malformed()
    if isinstance(error, TimeoutError):
        return stalled(door.patience.between, arrived=True)
    if isinstance(error, Problem) and not isinstance(error, endpoints.Failure):
        # No key, or a key file that others can read.
        what = f"{error.where}: {error.what}" if error.where else error.what
        return Trouble(replies.REFUSED, what, error.advice)
    failure = endpoints.failure_of(error, door.profile, streaming=arrived)
    if failure is None:
        return None
    match failure.kind:
        case "slow":
            return stalled(door.patience.first, arrived=False)
        case "cut-off":
            import openai

            slow = isinstance(error, openai.APITimeoutError)
            return stalled(door.patience.first, arrived=True) if slow else broken()
        case "broken":
            return malformed()
        case "said":
            return Trouble(replies.FAILED, failure.what, failure.advice, failure.code)
        case "not-json":
            return Trouble(replies.FOREIGN, failure.what, failure.advice)
        case "unreachable" | "reset" if door.local:
            return gone()
        case "unreachable" | "reset":
            kind = replies.UNREACHABLE
        case _:
            kind = replies.REFUSED
    code = failure.code or failure.kind
    advice = "" if door.local else failure.advice  # theirs speaks of accounts and addresses
    return Trouble(kind, failure.what, advice, code, failure.retry, failure.wait or 0.0)


def of_our_own(error: Exception) -> Trouble:
    """A mistake in our own code, which must not vanish on a thread that nobody looks at."""
    from core.crash import report

    return Trouble(replies.FAILED, report(error))


def stalled(patience: float, *, arrived: bool) -> Trouble:
    """Silence."""
    said = _("Nothing more has come for {seconds} s.") if arrived else _("The model has said nothing for {seconds} s.")
    return Trouble(replies.STALLED, said.format(seconds=f"{patience:g}"), _("Go on, or try again."))


def broken() -> Trouble:
    """The end of the connection before that of the reply."""
    return Trouble(replies.BROKEN, _("The connection broke in the middle of the reply."), _("Go on, or try again."))


def gone() -> Trouble:
    """Our own server does not answer."""
    return Trouble(replies.UNREACHABLE, _("The model does not answer."), _("Its server may have stopped: try again."))


def malformed() -> Trouble:
    """Bytes that make no sense."""
    return Trouble(replies.MALFORMED, _("The server sent something that is no reply."), _("Go on, or try again."))


def unfinished() -> Trouble:
    """An end without a reason: a proxy's, most often."""
    return Trouble(
        replies.UNFINISHED, _("The reply ended without its server saying that it was whole."), _("Go on, or try again.")
    )


def stopped() -> Trouble:
    """The person's wish."""
    return Trouble(replies.STOPPED, _("The reply was stopped."))


def cut_off() -> Trouble:
    """max_tokens, or the end of the model's context."""
    return Trouble(
        replies.CUT_OFF, _("The reply was cut off at its greatest length."), _("Go on, or allow more with max_tokens.")
    )


def endless() -> Trouble:
    """A reply that is longer than any reply is."""
    return Trouble(replies.CUT_OFF, _("The reply had no end, so it was left."), _("Set max_tokens, or try again."))


def filtered() -> Trouble:
    """The provider's filter."""
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
        error: Any = told.get("error")
        if error:
            said = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
            return Trouble(replies.REFUSED, _("The model's server refused: {reason}").format(reason=words(said)))
    return foreign("JSON")
