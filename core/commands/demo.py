"""The whole job on the sample chats and the embedded model: import, group, freeze, train, measure, reply.

It runs in the ordinary workspace, so that the workbench shows afterwards what it made. A second time it finds the
chat imported, and goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import click

from core.commands import Context, pass_context
from core.commands.printing import Progress, data, duration, json_line, number, talk
from core.commands.train import event_lines
from core.language import _


def mini_progress(what: str = "") -> Callable[[int, int, str], None]:
    """A progress line for the building of a toy model; the embedded one is built once on a machine."""
    cell: list[Progress] = []

    def at(done: int, total: int, note: str) -> None:
        if not cell:
            talk(what or _("Building the embedded toy model from the sample chats (once on this machine)."))
            cell.append(Progress(_("toy model")))
        cell[0].at(done, total, note)
        if done >= total:
            cell[0].close()

    return at


@click.command(help=_("The whole job on the sample chats and the embedded model, in about a minute or two."))
@pass_context
def demo(context: Context) -> int:
    from core.workspace import chats, datasets, evaluations, recipe, runs, talking

    began = time.monotonic()
    workspace = context.workspace
    before = talking.servers(workspace)  # an open workbench may be talking with one of them

    def say(stage: str, text: str, **figures: object) -> None:
        if context.json:
            json_line({"stage": stage, **figures})
        else:
            data(text)

    sample, persona = chats.sample_files()[0], chats.sample_persona()
    report = chats.import_file(workspace, sample, me=persona)
    say(
        "import",
        _("1. Imported “{file}”: {messages} messages, {added} of them new. Its people are fictional.").format(
            file=sample.name, messages=number(report.messages), added=number(report.added or 0)
        ),
        **report.as_json(),
    )
    counters = recipe.counters(workspace)
    say(
        "group",
        _(
            "2. Grouped: {turns} turns, {conversations} conversations, {examples} examples of how {persona} replies."
        ).format(
            turns=number(counters.turns),
            conversations=number(counters.conversations),
            examples=number(counters.examples),
            persona=persona,
        ),
        turns=counters.turns,
        conversations=counters.conversations,
        examples=counters.examples,
    )
    made = datasets.build_anew(workspace, "demo")
    say(
        "dataset",
        _("3. Froze dataset “{name}”: {train} examples to train on, {validation} held out.").format(
            name=made.name, train=number(made.train), validation=number(made.validation)
        ),
        **made.as_json(),
    )
    run = runs.start(workspace, made.name, model="mini", backend="local", options={}, progress=mini_progress())
    say(
        "train",
        _("4. Training in a process of its own (run {id}); `sinsonte train follow {id}` shows it too.").format(
            id=run.id
        ),
        **run.as_json(),
    )
    seen = 0
    for event in runs.follow(workspace, run.id):
        if context.json:
            json_line({"stage": "event", **event.as_json()})
            continue
        step, steps = event.body.get("step"), event.body.get("steps")
        if event.kind == "checkpoint":
            continue
        if event.kind == "step" and isinstance(step, int) and isinstance(steps, int):
            if step - seen < steps / 8:
                continue  # a tenth of the steps says enough here; `train follow` prints all
            seen = step
        for line in event_lines(event.kind, event.body):
            data("   " + line)
    run = runs.named(workspace, run.id)
    if run.state != "succeeded" or run.model is None:
        talk(_("The run ended as {state}; `sinsonte train show {id}` says more.").format(state=run.state, id=run.id))
        return 1
    measured = evaluations.perplexity(workspace, run.model)
    say(
        "evaluate",
        "\n".join([_("5. Measured on conversations that were held out:"), *measured.as_text()]),
        **measured.as_json(),
    )
    prompt = datasets.held_out_prompt(workspace, made.name)
    manner = talking.Manner(temperature=0.7, top_p=0.9, max_tokens=80, seed=7)
    replies: dict[str, str] = {}
    for name in ("mini", run.model):
        with talking.open_speaker(workspace, name) as speaker:
            replies[name] = speaker.ask([*speaker.opening(), {"role": "user", "content": prompt}], manner).text
    say(
        "reply",
        _("6. One reply of each to “{prompt}”:").format(prompt=prompt)
        + "".join(
            f"\n   {who:<8} {replies[name].replace(chr(10), chr(10) + ' ' * 12)}"
            for who, name in ((_("base"), "mini"), (_("tuned"), run.model))
        ),
        prompt=prompt,
        base=replies["mini"],
        tuned=replies[run.model],
    )
    talking.stop_servers(workspace, but=before)
    seconds = time.monotonic() - began
    say(
        "done",
        _(
            'Done in {time}. `./sinsonte` opens the workbench; `./sinsonte ask {model} "hola"` asks the tuned model.'
        ).format(time=duration(seconds), model=run.model),
        seconds=round(seconds, 1),
        model=run.model,
    )
    return 0
