"""Talking to a model from the command line: one question, or two models side by side in a table.

A reply goes to standard output as it comes, made fit for a terminal piece by piece; everything about it goes to
standard error. A reply that is not whole is printed, said to be cut off, and the exit code is 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from core.commands import Context, pass_context
from core.commands.click_words import DECIMAL
from core.commands.printing import Progress, data, duration, json_line, table, talk
from core.language import _
from core.problem import Misuse, Problem, system_words
from core.safe_text import Flowing, shown_in_line

if TYPE_CHECKING:
    from core.workspace.talking import Figures, Loading, Manner, Reply, Speaker, SpeakerRow, Stream, Template

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_LARGEST = 4 << 20  # characters of what is asked


def manner_options(command: Decorated) -> Decorated:
    """An option for each parameter of a manner, and --preset. The table of parameters is the only list of them."""
    from core.workspace.talking import PARAMETERS, PRESETS

    for parameter in reversed([*PARAMETERS.values()]):
        name = "--" + parameter.name.replace("_", "-")
        if parameter.sort == "texts":
            command = click.option(name, multiple=True, help=_(parameter.help))(command)
        else:
            sort = click.INT if parameter.sort == "count" else DECIMAL
            bounds = f" [{parameter.bounds}]" if parameter.bounds else ""
            command = click.option(name, type=sort, help=_(parameter.help) + bounds)(command)
    names = ", ".join(one.name for one in PRESETS)
    return click.option("--preset", help=_("parameters by name: {names}").format(names=names))(command)


def manner_of(row: SpeakerRow, told: dict[str, Any], template: Template | None = None) -> Manner:
    """What the options ask for, over the template's, over the preset's or what is usual for this model."""
    from core.workspace import talking

    named = told.pop("preset", None)
    manner = talking.preset(named).manner if named else talking.usual_manner(row)
    if template is not None and not named:
        manner = manner.changed(template.manner.to_dict())
    return manner.changed({name: value for name, value in told.items() if value not in (None, ())})


def words_of(text: str | None, file: Path | None) -> str:
    """What is asked: TEXT, then the file or what is piped in."""
    parts = [text] if text else []
    if file is not None and str(file) != "-":
        try:
            parts.append(file.read_text(encoding="utf-8-sig", errors="replace"))
        except OSError as error:
            raise Problem(_("cannot be read: {detail}.").format(detail=system_words(error)), where=str(file)) from None
    elif file is not None or (not text and not sys.stdin.isatty()):
        parts.append(str(sys.stdin.read(_LARGEST + 1)))
    words = "\n\n".join(part.strip() for part in parts if part.strip())
    if not words:
        raise Misuse(_("there is nothing to ask."), advice=_("Give TEXT, or pipe it in."))
    if len(words) > _LARGEST:
        raise Misuse(_("what is asked is too long."))
    return words


@click.command("ask", help=_("Ask a model one thing; without TEXT, what is piped in is asked."))
@click.argument("model")
@click.argument("text", required=False)
@click.option(
    "--file",
    type=click.Path(path_type=Path, readable=False),
    help=_("ask what is in this file, after TEXT; - is what is piped in"),
)
@click.option("--template", help=_("put it into a question with a hole, such as {name}").format(name="tweet-sentiment"))
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help=_("what another hole of the template holds")
)
@click.option("--system", help=_("another system prompt than the model's own; empty is none"))
@manner_options
@pass_context
def ask(
    context: Context,
    model: str,
    text: str | None,
    file: Path | None,
    template: str | None,
    settings: tuple[str, ...],
    system: str | None,
    **told: Any,
) -> int:
    from core.workspace import talking

    workspace = context.workspace
    row = talking.speaker_named(workspace, model)
    form = _template(context, template)
    if settings and form is None:
        raise Misuse(_("--set fills a hole of a template, and none was named."), advice=_("Add --template NAME."))
    manner = manner_of(row, told, form)
    words = words_of(text, file)
    tell_end(row)
    with opened(context, model) as speaker:
        messages: Sequence[dict[str, str]]
        if form is None:
            messages = [*speaker.opening(system), {"role": "user", "content": words}]
        else:
            messages = form.messages(words, _settings(settings))
            if system is not None:
                messages = [*speaker.opening(system), *(one for one in messages if one["role"] != "system")]
        with speaker.stream(messages, manner) as stream:
            if context.json:
                reply = stream.whole()
                json_line({"asked": model, "ends": row.ends or None, **reply.as_json(row.separator)})
            elif manner.n in (None, 1):
                print_as_it_comes(stream, row)
                reply = stream.reply
            else:
                reply = stream.whole()
                _print_alternatives(reply, row)
    if not context.json:
        _print_tokens(reply)
        tell_figures(reply.figures)
    return told_trouble(reply, model)


def _template(context: Context, name: str | None) -> Template | None:
    from core.workspace import talking

    if name is None:
        return None
    known = talking.templates(context.workspace)
    if name not in known:
        raise Misuse(
            _("there is no template “{name}”.").format(name=name),
            advice=_("There are: {names}.").format(names=", ".join(known)),
        )
    return known[name]


def _settings(given: Sequence[str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise Misuse(_("--set takes NAME=VALUE."), where=one)
        told[name.strip()] = value
    return told


def opened(context: Context, model: str) -> Speaker:
    """The speaker; says how it goes when its model has to be loaded, or is being loaded by another terminal."""
    from core.workspace import talking

    progress = Progress(_("building the embedded model"))

    def tell(loading: Loading) -> None:
        how = _("Another terminal is loading the model") if loading.elsewhere else _("Loading the model")
        size = _("{size} GB in memory").format(size=f"{loading.resident / 1e9:.1f}")
        progress.say(f"{how}: {duration(loading.seconds)}, {size} · " + _("Ctrl+C gives up"))

    try:
        return talking.open_speaker(context.workspace, model, progress.at, tell=tell)
    finally:
        progress.close()


def print_as_it_comes(stream: Stream, row: SpeakerRow) -> None:
    """The reply on standard output, one line a message that it stands for."""
    from core.workspace.talking import Cutter

    flowing, cutter = Flowing(), Cutter(row.separator)
    last = "\n"
    try:
        for piece in stream:
            if text := flowing.add(cutter.add(piece.text)):
                sys.stdout.write(text)
                sys.stdout.flush()
                last = text[-1]
        rest = flowing.add(cutter.rest())
        sys.stdout.write(rest if (rest or last)[-1] == "\n" else rest + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) went away: that is its right; the reply ends with it, and click would call it a failure.
        stream.stop()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


def _print_alternatives(reply: Reply, row: SpeakerRow) -> None:
    for number, one in enumerate(reply.alternatives, 1):
        data(f"— {number} —")
        data("\n".join(_lines(one.text, row)))


def _lines(text: str, row: SpeakerRow) -> list[str]:
    from core.workspace.transcripts import bubbles

    return bubbles(text, row.separator)


def _print_tokens(reply: Reply) -> None:
    import math

    if tokens := reply.alternatives[0].tokens:
        table(
            [_("token"), _("share"), _("in its place")],
            [
                (
                    repr(one.text),
                    f"{math.exp(one.logprob):.1%}",
                    "  ".join(f"{other!r} {math.exp(value):.1%}" for other, value in one.others if other != one.text),
                )
                for one in tokens
            ],
            right=(1,),
        )


def tell_figures(figures: Figures) -> None:
    """A line about the reply, for somebody who watches."""
    if not (sys.stderr.isatty() and sys.stdout.isatty()):
        return
    parts = [_("{count} tokens").format(count=f"{'' if figures.exact else '≈'}{figures.reply_tokens}")]
    if figures.first_token is not None:
        parts.append(_("first after {seconds} s").format(seconds=f"{figures.first_token:.2f}"))
    if figures.tokens_per_second:
        parts.append(f"{figures.tokens_per_second:.0f}/s")
    if figures.price is not None:
        parts.append(paid(figures))
    talk("  ".join(parts))


def paid(figures: Figures) -> str:
    """What a reply cost and by which prices, or that it cost nothing; empty where no price is known."""
    if figures.price is None or figures.cost is None:
        return ""
    if figures.price.free:
        return figures.price.said()
    about = "" if figures.exact else "≈"
    return f"{about}{figures.currency} {figures.cost:.6f} ({figures.price.said()})"


def _cost(figures: Figures) -> str:
    if figures.price is None or figures.cost is None:
        return "—"
    return "0" if figures.price.free else f"{figures.currency} {figures.cost:.6f}"


def tell_end(row: SpeakerRow) -> None:
    """Until when a remote model answers, where a day is known."""
    if row.ends:
        talk(f"{shown_in_line(row.name)}: {row.ends}")


def told_trouble(reply: Reply, model: str) -> int:
    """Say what went wrong with a reply; the exit code that goes with it."""
    if reply.trouble is None:
        return 0
    talk("sinsonte: " + str(reply.trouble.problem(model)))
    return 1


@click.command("compare", help=_("Ask two models the same, at several temperatures, and put the replies in a table."))
@click.argument("model")
@click.argument("base")
@click.argument("text", required=False)
@click.option(
    "--file",
    type=click.Path(path_type=Path, readable=False),
    help=_("ask what is in this file, after TEXT; - is what is piped in"),
)
@click.option(
    "--temperatures", default="0.2,1,1.9", show_default=True, metavar="T,T…", help=_("the temperatures, with commas")
)
@click.option("--system", help=_("another system prompt than the model's own; empty is none"))
@manner_options
@pass_context
def compare(
    context: Context,
    model: str,
    base: str,
    text: str | None,
    file: Path | None,
    temperatures: str,
    system: str | None,
    **told: Any,
) -> int:
    from core.workspace import talking

    degrees = [one.strip() for one in temperatures.split(",") if one.strip()]
    if told.get("temperature") is not None:
        degrees = [told.pop("temperature")]
    told.pop("temperature", None)
    words = words_of(text, file)
    rows: list[tuple[str, str, Reply]] = []
    with opened(context, model) as one, opened(context, base) as other:
        for speaker in (one, other):
            tell_end(speaker.row)
        speakers = {speaker.row.name: speaker.row for speaker in (one, other)}
        manners = {speaker.row.name: manner_of(speaker.row, dict(told)) for speaker in (one, other)}
        # What the tuned model was trained with is what both hear: other words would compare prompts, not models.
        opening = one.opening(system) or other.opening(system)
        for degree in degrees:
            wanted = {name: manner.changed({"temperature": degree}) for name, manner in manners.items()}
            streams = [
                (
                    speaker.row.name,
                    speaker.stream([*opening, {"role": "user", "content": words}], wanted[speaker.row.name]),
                )
                for speaker in (one, other)
            ]
            try:
                for name, stream in streams:
                    reply = stream.whole()
                    rows.append((f"{talking.Manner(temperature=float(degree)).temperature:g}", name, reply))
                    if context.json:
                        ends = {"ends": speakers[name].ends or None}
                        json_line({"asked": name, "temperature": float(degree), **ends, **reply.as_json()})
            finally:
                for _name, stream in streams:
                    stream.stop()
    if not context.json:
        table(
            [_("temperature"), _("model"), _("tokens"), _("cost"), "", _("reply")],
            [
                (
                    degree,
                    name,
                    reply.reply_tokens,
                    _cost(reply.figures),
                    "✂" if reply.trouble else "",
                    "\n".join(line for a in reply.alternatives for line in _lines(a.text, speakers[name])),
                )
                for degree, name, reply in rows
            ],
            right=(0, 2, 3),
        )
        for said in sorted({price.said() for _degree, _name, reply in rows if (price := reply.figures.price)}):
            talk(said)
    bad = [(name, reply) for _degree, name, reply in rows if reply.trouble]
    for name, reply in bad[:1]:
        told_trouble(reply, name)
    return 1 if bad else 0
