"""The command `models rehome`: a remote model's successor on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from core.commands import Context, pass_context
from core.commands.printing import Progress, data, json_line, talk
from core.commands.recipe import assignments
from core.language import _
from core.safe_text import shown_in_line


@click.command("rehome", help=_("Train a successor of a remote model here, and compare both while it still answers."))
@click.argument("model")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE...]")
@click.option(
    "--from", "file", type=click.Path(path_type=Path, readable=False, dir_okay=False), help=_("its examples, as JSONL")
)
@click.option("--base", default="mini", show_default=True, help=_("the local base: mini, a folder, or a model's name"))
@click.option("--keep-replies", is_flag=True, help=_("keep the remote model's replies to the held-out prompts"))
@click.option("--most", type=click.IntRange(1, 10_000), default=50, show_default=True, help=_("prompts, at most"))
@click.option("--no-training", is_flag=True, help=_("find the examples and keep the replies; train nothing"))
@click.option("--no-wait", is_flag=True, help=_("do not wait for the training; run it again to compare"))
@pass_context
def rehome(
    context: Context,
    model: str,
    pairs: tuple[str, ...],
    file: Path | None,
    base: str,
    keep_replies: bool,
    most: int,
    no_training: bool,
    no_wait: bool,
) -> int:
    from core.commands.demo import mini_progress
    from core.workspace import rehoming, runs

    at = rehoming.home(context.workspace, model, file)
    if at.ends:
        talk(f"{shown_in_line(model)}: {at.ends}")
    sources = {
        "lineage": _("its own dataset"),
        "file": _("the given file"),
        "provider": _("the file that its job used"),
    }
    talk(_("Examples: dataset “{name}” ({source}).").format(name=at.dataset, source=sources[at.source]))
    told: dict[str, object] = {"model": model, "dataset": at.dataset, "source": at.source, "ends": at.ends or None}
    if keep_replies:
        bar = Progress(_("asking"))
        target, count = rehoming.keep_replies(
            context.workspace, model, at.dataset, most, lambda done, all_, note: bar.at(done, all_, note)
        )
        bar.close()
        told |= {"replies": count, "reference": str(target)}
        talk(_("{count} replies are kept in {file}").format(count=count, file=target))
    if no_training:
        if context.json:
            json_line(told)
        return 0
    run = rehoming.train(context.workspace, at, base, assignments(pairs), mini_progress())
    told |= {"run": run.id}
    if run.state != "succeeded" and no_wait:
        talk(_("Run {id} trains the successor; run this again when it has ended, to compare.").format(id=run.id))
        if context.json:
            json_line(told)
        return 0
    if run.state != "succeeded":
        talk(_("Run {id} trains the successor…").format(id=run.id))
        for _event in runs.follow(context.workspace, run.id):
            pass
        run = runs.named(context.workspace, run.id)
    if run.state != "succeeded" or not run.model:
        talk(
            _("Run {id} did not succeed: {state}. See it with: sinsonte train show {id}").format(
                id=run.id, state=run.state
            )
        )
        return 1
    told |= {"successor": run.model}
    bar = Progress(_("comparing"))
    found = rehoming.compared(
        context.workspace, model, run.model, at.dataset, progress=lambda done, all_, note: bar.at(done, all_, note)
    )
    bar.close()
    if context.json:
        json_line({**told, "pairs": [one.as_json() for one in found]})
        return 0
    for one in found:
        data(f"? {shown_in_line(one.prompt)}")
        data("  " + _("the persona: {text}").format(text=shown_in_line(one.real)))
        data(f"  {shown_in_line(model)}: {shown_in_line(one.remote)}")
        data(f"  {run.model}: {shown_in_line(one.local)}")
    talk(_("The successor is “{name}”. More: sinsonte compare {name} {model} TEXT").format(name=run.model, model=model))
    return 0
