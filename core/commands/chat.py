"""A talk with a model, line by line: for pipes, dumb terminals and screen readers, as the seeds' loops were.

A line is what one says; an empty line says nothing; `salir`, `exit` or the end of the input ends it. The model hears as
many turns as it was trained on (`--window` changes that). Replies go to standard output, all else to standard error.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from core.commands import Context, pass_context
from core.commands.printing import data, json_line, talk
from core.commands.talk import (
    manner_of,
    manner_options,
    opened,
    print_as_it_comes,
    tell_end,
    tell_figures,
    told_trouble,
)
from core.language import N_, _
from core.problem import Misuse, Problem

if TYPE_CHECKING:
    from core.workspace.talking import Manner, Reply, Speaker

LEAVING: Final = frozenset({"salir", "exit", "quit", "/exit", "/quit", "/salir"})
COMMANDS: Final = {
    "/again": N_("another reply to the last thing said"),
    "/more": N_("go on with a reply that was cut off"),
    "/reset": N_("forget what was said"),
    "/system TEXT": N_("another system prompt; without TEXT none"),
    "/set NAME=VALUE": N_("a parameter, such as temperature=0.2; without VALUE it is left to the server"),
    "/window N": N_("how many turns the model hears; 0 for all"),
    "/presets": N_("parameters by name, and what each is for"),
    "/help": N_("this list"),
}


@click.command("chat", help=_("Talk with a model, line by line; exit or the end of the input ends it."))
@click.argument("model")
@click.option("--system", help=_("another system prompt than the model's own; empty is none"))
@click.option("--window", type=click.IntRange(min=0), help=_("how many turns the model hears; 0 for all"))
@manner_options
@pass_context
def chat(context: Context, model: str, system: str | None, window: int | None, **told: Any) -> int:
    from core.workspace import talking

    row = talking.speaker_named(context.workspace, model)
    manner = manner_of(row, told)
    tell_end(row)
    with opened(context, model) as speaker:
        loop = _Talk(context, speaker, manner, system, row.turns if window is None else window)
        if sys.stdin.isatty():
            talk(_("Talking with {model}. exit ends it, /help lists the commands.").format(model=model))
        while True:
            line = _read(model)
            if line is None or line.lower() in LEAVING:
                return 1 if loop.failed else 0
            if line:
                loop.hear(line)


def _read(model: str) -> str | None:
    if sys.stdin.isatty():
        sys.stderr.write("> ")
        sys.stderr.flush()
    line = sys.stdin.readline()
    return line.strip() if line else None


class _Talk:
    """What was said so far, and how it goes on."""

    def __init__(self, context: Context, speaker: Speaker, manner: Manner, system: str | None, window: int) -> None:
        self.context, self.speaker, self.manner = context, speaker, manner
        self.system, self.window = system, window
        self.said: list[dict[str, str]] = []
        self.failed: bool = False  # whether the last reply was cut off

    def hear(self, line: str) -> None:
        """A line of the person's: a command, or something to answer."""
        word, _space, rest = line.partition(" ")
        if not word.startswith("/"):
            self.said.append({"role": "user", "content": line})
            self._answer()
            return
        try:
            self._obey(word, rest.strip())
        except Problem as problem:
            talk(str(problem))

    def _obey(self, word: str, rest: str) -> None:
        from core.workspace import talking

        match word:
            case "/again":
                if self.said and self.said[-1]["role"] == "assistant":
                    self.said.pop()
                self._answer()
            case "/more":
                if not self.failed or not self.said or self.said[-1]["role"] != "assistant":
                    raise Misuse(_("no reply was cut off."))
                self._answer(self.said.pop()["content"])
            case "/reset":
                self.said.clear()
            case "/system":
                self.system = rest
            case "/set":
                name, _equals, value = rest.partition("=")
                self.manner = self.manner.changed({name.strip().replace("-", "_"): value.strip()})
            case "/window" if rest.isdecimal():
                self.window = int(rest)
            case "/presets":
                for one in talking.PRESETS:
                    talk(f"{one.name:<18} {_(one.meaning)}")
            case _:
                for name, does in COMMANDS.items():
                    talk(f"{name:<18} {_(does)}")

    def _answer(self, so_far: str = "") -> None:
        from core.workspace import talking

        if not self.said:
            raise Misuse(_("nothing was said yet."))
        turns = self.window
        while True:
            messages = talking.windowed([*self.speaker.opening(self.system), *self.said], turns)
            reply = self._speak(messages, so_far)
            heard = sum(1 for one in messages if one["role"] != "system")
            too_long = reply.trouble is not None and reply.trouble.code == "context_length_exceeded"
            if not too_long or heard < 3:
                break
            turns = heard - 2  # what was said longest ago is forgotten first
        self.failed = told_trouble(reply, self.speaker.row.name) != 0
        if text := so_far + reply.text:
            self.said.append({"role": "assistant", "content": text})

    def _speak(self, messages: list[Any], so_far: str) -> Reply:
        row = self.speaker.row
        stream = (
            self.speaker.go_on(messages, so_far, self.manner) if so_far else self.speaker.stream(messages, self.manner)
        )
        with stream:
            try:
                if self.context.json:
                    reply = stream.whole()
                    json_line({"asked": row.name, "ends": row.ends or None, **reply.as_json(row.separator)})
                    sys.stdout.flush()
                elif self.manner.n in (None, 1):
                    print_as_it_comes(stream, row)
                else:
                    for number, one in enumerate(stream.whole().alternatives, 1):
                        data(f"— {number} —\n{one.text}")
            except KeyboardInterrupt:
                stream.stop()  # ends the reply and not the talk
                sys.stdout.write("\n")
        tell_figures(stream.figures)
        return stream.reply
