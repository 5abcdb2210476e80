"""Commands about runs: start, list, show, follow, pause, cancel, resume."""

from __future__ import annotations

from collections.abc import Mapping

import click

from core.commands import Context, pass_context
from core.commands.printing import data, highlighted, json_line, table, talk
from core.commands.recipe import assignments
from core.language import _
from core.safe_text import shown_in_line


@click.group(help=_("Fine-tune a model on a dataset, and follow it."))
def train() -> None:
    pass


@train.command("start", help=_("Start a run; it goes on when this terminal is closed."))
@click.argument("dataset")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE...]")
@click.option(
    "--on", "backend", default="local", show_default=True, help=_("local, slurm, slurm:PROFILE or an endpoint")
)
@click.option("--model", default="mini", show_default=True, help=_("the base: mini, a folder, or a model's name"))
@click.option("--follow", "follow_", is_flag=True, help=_("stay and show the events"))
@click.option("--dry-run", is_flag=True, help=_("show what it would take (memory, time, money), and start nothing"))
@click.option("--yes", is_flag=True, help=_("do not ask"))
@pass_context
def start(
    context: Context,
    dataset: str,
    pairs: tuple[str, ...],
    backend: str,
    model: str,
    follow_: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    from core.commands.demo import mini_progress
    from core.workspace import run_words, runs, starting

    if backend in context.settings.endpoints:
        from core.commands import cloud

        started = cloud.start(context, dataset, backend, model, assignments(pairs), dry_run=dry_run, yes=yes)
        return show_events(context, started) if follow_ and started else 0

    options = assignments(pairs)
    if dry_run:
        told = starting.dry_run(context.workspace, dataset, model=model, options=options, progress=mini_progress())
        if context.json:
            json_line(told.as_json())
        else:
            data(run_words.prediction(told.as_json()))
        return 0
    if warned := starting.warning(backend):
        talk(warned)
    run = runs.start(
        context.workspace, dataset, model=model, backend=backend, options=options, progress=mini_progress()
    )
    if context.json:
        json_line(run.as_json())
    else:
        talk(_("Run {id} started. Follow it with: sinsonte train follow {id}").format(id=run.id))
    return show_events(context, run.id) if follow_ else 0


@train.command("mini", help=_("Build a toy base model: the embedded one, or one that speaks as these chats do."))
@click.option("--from-workspace", "own", is_flag=True, help=_("from the chats of this workspace"))
@click.option("--name", default="mini-own", show_default=True, help=_("what it is called"))
@pass_context
def mini(context: Context, own: bool, name: str) -> None:
    from core.commands.demo import mini_progress
    from core.workspace import bases, models

    if not own:
        folder = models.mini(mini_progress())
        if context.json:
            json_line({"name": models.MINI, "kind": models.BASE, "folder": str(folder), "toy": True})
        else:
            data(_("mini is ready: {folder}. It is a toy and knows only the sample chats.").format(folder=folder))
        return
    row = bases.mini_from_workspace(
        context.workspace, name, mini_progress(_("Building a toy model from the chats of this workspace."))
    )
    if context.json:
        json_line(row.as_json())
    else:
        data(_("{name} is ready. It is a toy that knows the words of these chats.").format(name=row.name))
        talk(_("Tune it with: sinsonte train start DATASET --model {name}").format(name=row.name))


@train.command("preview", help=_("Show which tokens of an example are trained, as the model's template writes it."))
@click.argument("dataset")
@click.argument("number", type=click.IntRange(min=0), default=0)
@click.option("--model", default="mini", show_default=True, help=_("the base: mini, a folder, or a model's name"))
@pass_context
def preview(context: Context, dataset: str, number: int, model: str) -> None:
    from core.workspace import starting

    told = starting.preview(context.workspace, dataset, number, model=model)
    if context.json:
        json_line(
            {
                "tokens": told.tokens,
                "trained_tokens": told.trained_tokens,
                "end_trained": told.end_trained,
                "rows": [[{"text": one.text, "trained": one.trained} for one in row] for row in told.rows],
            }
        )
        return
    for row in told.rows:
        highlighted([(one.text, one.trained) for one in row])
    data(
        _("{tokens} tokens, {trained} of them trained; the token that ends a reply is {end}.").format(
            tokens=told.tokens,
            trained=told.trained_tokens,
            end=_("trained") if told.end_trained else _("not trained: the model would not learn to stop"),
        )
    )


@train.command("list", help=_("List the runs."))
@pass_context
def list_(context: Context) -> None:
    from core.workspace import run_words, runs

    rows = runs.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    if not rows:
        talk(_("No runs yet. Start one with: sinsonte train start DATASET"))
        return
    table(
        ["id", _("state"), _("step"), _("loss"), _("held-out"), _("where"), _("base"), _("dataset"), _("until")],
        [
            (
                row.id,
                run_words.state(row.state),
                f"{row.step}/{row.steps}",
                run_words.figure(row.now.loss, 4),
                run_words.figure(row.now.validation_loss, 4),
                row.now.where or row.backend,
                row.base,
                row.learns,
                row.ends,
            )
            for row in rows
        ],
    )


@train.command("show", help=_("Show one run."))
@click.argument("run")
@pass_context
def show(context: Context, run: str) -> None:
    from core.workspace import refused, runs

    row = runs.named(context.workspace, run)
    line = refused.of_run(context.workspace, row)
    if context.json:
        json_line({**row.as_json(), **({"refused": line.as_json()} if line is not None else {})})
        return
    for key, value in row.as_json().items():
        data(f"{key:<12} {value if value is not None else '—'}")
    if line is not None:
        data(
            _(
                "refused      line {line} ({side}): example {example} of “{dataset}”, conversation {conversation}"
            ).format(
                line=line.line,
                side=line.side,
                example=line.fault.n,
                dataset=shown_in_line(line.dataset),
                conversation=line.conversation,
            )
        )
        data(_("messages     {ids}").format(ids=" ".join(line.messages) or "—"))


@train.command("follow", help=_("Print every event of a run, and end when the run has."))
@click.argument("run")
@pass_context
def follow(context: Context, run: str) -> int:
    return show_events(context, run)


def show_events(context: Context, run: str) -> int:
    """Print events until the run has ended; 0 when it succeeded."""
    from core.workspace import runs

    for event in runs.follow(context.workspace, run):
        if context.json:
            json_line(event.as_json())
            continue
        for line in event_lines(event.kind, event.body):
            data(line)
    ended = runs.named(context.workspace, run)
    if ended.state == "succeeded" and ended.model and not context.json:
        talk(_("Its model is “{model}”. Talk with it: sinsonte ask {model} TEXT").format(model=ended.model))
    return 0 if ended.state in ("succeeded", "paused") else 1


def event_lines(kind: str, body: Mapping[str, object]) -> list[str]:
    """One event in words; a problem is marked, a sample stands further in."""
    from core.workspace import run_words

    words = run_words.event(kind, body)
    if not words:
        return []
    mark = {"problem": "! ", "sample": "  "}.get(kind, "")
    return [mark + shown_in_line(line) for line in words.split("\n", 2)]


@train.command(
    "checkpoints", help=_("List the checkpoints of a run; one at a provider can be asked and compared like a model.")
)
@click.argument("run")
@pass_context
def checkpoints(context: Context, run: str) -> None:
    from core.workspace import checkpoints as verbs
    from core.workspace import run_words, runs

    rows = verbs.of_run(context.workspace, runs.named(context.workspace, run).id)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    table(
        [_("step"), _("loss"), _("held-out"), _("model"), _("until")],
        [
            (
                run_words.count(row.step),
                run_words.figure(row.loss, 4),
                run_words.figure(row.held_out, 4),
                row.model or row.path or "—",
                row.ends or "—",
            )
            for row in rows
        ],
        right=(0, 1, 2),
    )
    if askable := [row.model for row in rows if row.model]:
        talk(_("Talk with one: sinsonte ask {model} TEXT; compare two: sinsonte compare.").format(model=askable[0]))


@train.command("compare", help=_("Put runs beside each other: what they came to, and in which settings they differ."))
@click.argument("runs_", metavar="RUN RUN...", nargs=-1, required=True)
@pass_context
def compare(context: Context, runs_: tuple[str, ...]) -> None:
    from core.workspace import comparing, run_words, runs

    rows = comparing.compared(context.workspace, [runs.named(context.workspace, run).id for run in runs_])
    if context.json:
        for row in rows:
            json_line(row.figures)
        return
    table(
        ["id", _("state"), _("best held-out loss"), _("at step"), _("loss"), _("tokens/s"), _("differs in")],
        [
            (
                row.run.id,
                run_words.state(row.run.state),
                run_words.figure(row.best, 4),
                run_words.count(row.best_step),
                run_words.figure(row.loss, 4),
                run_words.count(row.speed),
                "  ".join(f"{key}={value}" for key, value in row.differs.items()),
            )
            for row in rows
        ],
    )


@train.command("pause", help=_("Write a checkpoint and stop; resume goes on from there."))
@click.argument("run")
@pass_context
def pause(context: Context, run: str) -> None:
    from core.workspace import runs

    runs.pause(context.workspace, run)
    if (row := runs.named(context.workspace, run)).at_provider:
        talk(_("{where} was asked; its answer shows in the log.").format(where=row.backend))
    else:
        talk(_("Run {id} is stopping at the next step.").format(id=run))


@train.command("cancel", help=_("Write a checkpoint and end the run."))
@click.argument("run")
@pass_context
def cancel(context: Context, run: str) -> None:
    from core.workspace import runs

    runs.cancel(context.workspace, run)
    talk(_("Run {id} is being cancelled.").format(id=run))


@train.command("resume", help=_("Go on from the last checkpoint: after a pause, a crash or a reboot."))
@click.argument("run")
@pass_context
def resume(context: Context, run: str) -> None:
    from core.workspace import runs

    runs.resume(context.workspace, run)
    talk(_("Run {id} goes on. Follow it with: sinsonte train follow {id}").format(id=run))
