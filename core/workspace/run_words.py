"""An event of a run, and a run's state, in words: the same for the screen and for its twin on the command line.

In: the kind and the fields of an event, which may be anything. Out: text, not yet safe to show: what a model wrote or a
server answered is in it as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.language import N_, _, grouped
from core.safe_text import shown_in_line

STATES: Final[Mapping[str, str]] = {
    "prepared": N_("prepared"),
    "queued": N_("queued"),
    "running": N_("running"),
    "pausing": N_("pausing"),
    "paused": N_("paused"),
    "succeeded": N_("succeeded"),
    "failed": N_("failed"),
    "cancelled": N_("cancelled"),
}
KINDS: Final[Mapping[str, str]] = {
    "state": N_("state"),
    "upload": N_("upload"),
    "job": N_("job"),
    "plan": N_("plan"),
    "step": N_("step"),
    "validation": N_("validation"),
    "sample": N_("sample"),
    "checkpoint": N_("checkpoint"),
    "log": N_("note"),
    "problem": N_("problem"),
    "summary": N_("summary"),
    "end": N_("end"),
}


def kind(name: str) -> str:
    """A kind of event for people."""
    return _(KINDS[name]) if name in KINDS else name


MODEL_KINDS: Final = {"adapter": N_("adapter"), "base": N_("whole model"), "remote": N_("remote")}


def state(name: object) -> str:
    """A state's name for people."""
    return _(STATES[name]) if isinstance(name, str) and name in STATES else str(name)


def model_kind(name: str) -> str:
    """A model's kind for people."""
    return _(MODEL_KINDS[name]) if name in MODEL_KINDS else name


def event(kind: str, body: Mapping[str, object]) -> str:
    """One event as a line, or up to three for a sample; empty for one that says nothing to people."""
    match kind:
        case "step":
            return "  ".join(part for part in _step(body) if part)
        case "validation":
            return _("step {step}  held-out loss {loss}  perplexity {perplexity}").format(
                step=_whole(body.get("step")),
                loss=figure(body.get("loss"), 4),
                perplexity=figure(body.get("perplexity"), 3),
            )
        case "sample" if "reply" not in body:
            return _("a sample, whose words were taken out when somebody was forgotten")
        case "sample":
            # Each on one line, whatever lines they have themselves.
            prompt, reply, real = (shown_in_line(str(body.get(name) or "")) for name in ("prompt", "reply", "real"))
            return f"› {prompt}\n‹ {reply}" + ("\n" + _("really: {text}").format(text=real) if real else "")
        case "problem":
            return f"{body.get('text', '')} {body.get('advice') or ''}".strip()
        case "plan":
            return _plan(body)
        case "state" | "end":
            return state(body.get("state"))
        case "checkpoint" if body.get("model"):  # of a provider, where it can be asked
            return _("checkpoint at step {step}: {model}").format(
                step=_whole(body.get("step")), model=body.get("model")
            )
        case "checkpoint":
            return _("checkpoint at step {step}").format(step=_whole(body.get("step")))
        case "upload":
            done, total = (_number(body.get(name)) or 0.0 for name in ("done", "total"))
            return _("{file}: {percent} % of {size}").format(
                file=body.get("file"), percent=int(100 * done / total) if total else 100, size=size(total)
            )
        case "job":
            return _("job {job}: {epochs} epochs, batch {batch}, learning rate ×{rate}").format(
                job=body.get("job"),
                epochs=body.get("epochs"),
                batch=body.get("batch_size"),
                rate=body.get("learning_rate"),
            )
        case "summary" if "model" in body:  # of a provider, which tells what it bills and no more
            return _("{model}; {tokens} tokens trained").format(
                model=body.get("model"), tokens=count(body.get("tokens"))
            )
        case "summary":
            return _("{steps} steps in {time}, {tokens} tokens, {trained} of them trained").format(
                steps=_whole(body.get("step")),
                time=span(body.get("seconds")),
                tokens=count(body.get("tokens")),
                trained=count(body.get("trained_tokens")),
            )
        case _:
            return str(body.get("text", ""))


def _step(body: Mapping[str, object]) -> list[str]:
    steps = _whole(body.get("steps"))
    words = [
        _("step {step}/{steps}").format(step=_whole(body.get("step")), steps=steps),
        _("loss {loss}").format(loss=figure(body.get("loss"), 4)),
    ]
    if (speed := body.get("tokens_per_second")) is not None:
        words.append(_("{speed} tokens/s").format(speed=count(speed)))
    if (left := body.get("eta_seconds")) is not None:
        words.append(_("{time} left").format(time=span(left)))
    return words


def _plan(body: Mapping[str, object]) -> str:
    if "trained_tokens" not in body:  # a provider's: it says how many steps, and no more
        return _("plan: {steps} steps, {epochs} epochs").format(
            steps=count(body.get("steps")), epochs=count(body.get("epochs"))
        )
    words = _("plan: {steps} steps, {examples} examples, {tokens} tokens, {trained} of them trained").format(
        steps=count(body.get("steps")),
        examples=count(body.get("examples")),
        tokens=count(body.get("tokens")),
        trained=count(body.get("trained_tokens")),
    )
    memory, seconds = body.get("predicted_memory_bytes"), body.get("predicted_seconds")
    if _number(memory) is None or _number(seconds) is None:
        return words
    return words + _("; predicted: {memory}, {time}").format(memory=size(memory), time=span(seconds))


def prediction(told: Mapping[str, object]) -> str:
    """What a dry run found, in words."""
    return _plan({**told, "predicted_memory_bytes": told.get("memory_bytes"), "predicted_seconds": told.get("seconds")})


def figure(value: object, digits: int) -> str:
    """A number with so many decimals, or — for what is none."""
    known = _number(value)
    return "—" if known is None else f"{known:.{digits}f}"


def count(value: object) -> str:
    """1,234,567 or 1 234 567."""
    known = _number(value)
    return "—" if known is None else grouped(round(known))


def size(value: object) -> str:
    """Bytes as 812 MB or 12.3 GB."""
    known = _number(value)
    if known is None:
        return "—"
    if known < 1e6:
        return f"{known / 1e3:.0f} kB" if known >= 1e3 else f"{known:.0f} B"
    return f"{known / 1e6:.0f} MB" if known < 1e9 else f"{known / 1e9:.1f} GB"


def span(value: object) -> str:
    """3725 -> 1 h 02 min; 42 -> 42 s."""
    known = _number(value)
    if known is None:
        return "—"
    whole = round(max(0.0, known))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 200 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return _("{days} days").format(days=whole // 86_400)


def _whole(value: object) -> str:
    known = _number(value)
    return "?" if known is None else str(round(known))


def _number(value: object) -> float | None:
    # A log is anybody's: JSON as Python reads it knows NaN, and integers that no float holds.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        return None
    return float(value)
