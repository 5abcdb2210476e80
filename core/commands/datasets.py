"""Commands about frozen datasets."""

from __future__ import annotations

from pathlib import Path

import click

from core.commands import Context, pass_context
from core.commands.printing import bars, data, json_line, number, table, talk
from core.commands.recipe import assignments
from core.language import _, ngettext


@click.group(help=_("Freeze, list, show and export datasets."))
def dataset() -> None:
    pass


@dataset.command("build", help=_("Freeze the examples that the recipe gives now, under a name."))
@click.argument("name")
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE...]")
@pass_context
def build(context: Context, name: str, pairs: tuple[str, ...]) -> None:
    from core.workspace import datasets

    made = datasets.build(context.workspace, name, assignments(pairs))
    if context.json:
        json_line(made.as_json())
    else:
        talk(
            _("Dataset “{name}”: {train} examples to train on, {validation} held out.").format(
                name=made.name, train=number(made.train), validation=number(made.validation)
            )
        )
        if corrected := made.counts.get("corrections", 0):
            talk(ngettext("{n} of them is a correction", "{n} of them are corrections", corrected).format(n=corrected))
        if left := made.counts.get("uncorrected", 0):
            talk(
                ngettext(
                    "{n} correction is left out: what it answers is held out, or no words are left of it",
                    "{n} corrections are left out: what they answer is held out, or no words are left of them",
                    left,
                ).format(n=left)
            )


@dataset.command("list", help=_("List the datasets."))
@pass_context
def list_(context: Context) -> None:
    from core.workspace import datasets

    rows = datasets.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    if not rows:
        talk(_("No datasets yet. Freeze one with: sinsonte dataset build NAME"))
        return
    tainted = any(row.tainted for row in rows)
    table(
        [_("train"), _("held out"), _("made"), _("dataset"), *([""] if tainted else [])],
        [
            (
                number(row.train),
                number(row.validation),
                row.created_at[:16],
                row.name,
                *([_("holds words of a person who was forgotten") * row.tainted] if tainted else []),
            )
            for row in rows
        ],
        right=(0, 1),
    )


@dataset.command("show", help=_("Show a dataset's recipe and counts."))
@click.argument("name")
@click.option("--plots", is_flag=True, help=_("how long its examples and replies are, too; every example is read"))
@pass_context
def show(context: Context, name: str, plots: bool) -> None:
    import dataclasses

    from core.workspace import corrections, datasets, preview, recipe

    row = datasets.named(context.workspace, name)
    newer = corrections.newer_than(context.workspace, row)
    shape = preview.frozen_shape(context.workspace, name) if plots else None
    if context.json:
        spreads = {} if shape is None else {"shape": dataclasses.asdict(shape)}
        json_line({**row.as_json(), "newer_corrections": newer, **spreads})
        return
    data(_("{name}, made {when}").format(name=row.name, when=row.created_at))
    data(
        _("examples: {train} to train on, {validation} held out").format(
            train=number(row.train), validation=number(row.validation)
        )
    )
    if row.tainted:
        data(_("holds words of a person who was forgotten"))
    if corrected := row.counts.get("corrections", 0):
        data(ngettext("{n} of them is a correction", "{n} of them are corrections", corrected).format(n=corrected))
    if newer:
        data(_newer(newer))
    data(_("digest {digest}").format(digest=row.digest))
    for key, value in row.recipe.items():
        data(f"  {key} = {recipe.typed(value)}")
    if shape is not None:
        bars(_("examples by their tokens:"), preview.ranges(shape.tokens))
        bars(_("examples by the characters of the reply:"), preview.ranges(shape.replies))


def _newer(count: int) -> str:
    return ngettext(
        "{n} correction is newer than this dataset: another build takes it in",
        "{n} corrections are newer than this dataset: another build takes them in",
        count,
    ).format(n=count)


@dataset.command("examples", help=_("Print the examples, as they will be trained."))
@click.argument("name")
@click.option("--side", type=click.Choice(["train", "validation"]), help=_("only this side of the split"))
@click.option("--limit", type=click.IntRange(min=1), help=_("at most so many"))
@pass_context
def examples(context: Context, name: str, side: str | None, limit: int | None) -> None:
    from core.workspace import datasets

    for n, example in enumerate(datasets.examples(context.workspace, name, side)):
        if limit is not None and n >= limit:
            break
        if context.json:
            json_line(example.as_json())
            continue
        data(f"#{example.n} · {example.side}")
        for line in example.lines:
            mark = "▶" if line.trained else " "
            data(f" {mark} {line.name or line.role}: {line.text}")


@dataset.command(
    "check", help=_("Look for what would cost money or quality, in a dataset or in a JSONL file of others.")
)
@click.argument("name")
@click.option("--model", help=_("count tokens and limits for this model"))
@pass_context
def check(context: Context, name: str, model: str | None) -> int:
    from core.workspace import checks

    report, counted_for = checks.check(context.workspace, name, model)
    if context.json:
        json_line(
            {
                "name": name,
                "model": counted_for,
                "fit": report.fit,
                "examples": report.examples,
                "train": report.train,
                "validation": report.validation,
                "tokens": sum(report.tokens),
                "percentiles": report.percentiles(),
                "findings": [
                    {"level": one.level, "code": one.code, "text": one.text, "count": one.count, "rows": one.rows}
                    for one in report.findings
                ],
            }
        )
        return 0 if report.fit else 1
    share = report.percentiles()
    data(
        _(
            "{examples} examples; tokens ({model}): median {median}, 95 % {high}, longest {longest}, in all {all}"
        ).format(
            examples=number(report.examples),
            model=counted_for,
            median=number(share[50]),
            high=number(share[95]),
            longest=number(share[100]),
            all=number(sum(report.tokens)),
        )
    )
    marks = {"error": "✗", "warning": "!", "advice": "·"}
    for one in report.findings:
        rows = f"  [{', '.join(str(row) for row in one.rows[:8])}{'…' if one.count > 8 else ''}]" if one.rows else ""
        data(f"{marks[one.level]} {one.text}{rows}")
    if not report.findings:
        data(_("✓ nothing was found wrong"))
    return 0 if report.fit else 1


@dataset.command("diff", help=_("Compare two datasets, example by example."))
@click.argument("name")
@click.argument("other")
@pass_context
def diff(context: Context, name: str, other: str) -> None:
    from core.workspace import checks, datasets, recipe

    told = checks.difference(context.workspace, name, other)
    before, after = datasets.named(context.workspace, name), datasets.named(context.workspace, other)
    changed = {
        key: (before.recipe.get(key), after.recipe.get(key))
        for key in {**before.recipe, **after.recipe}
        if before.recipe.get(key) != after.recipe.get(key)
    }
    if context.json:
        json_line(
            {
                "same": told.same,
                "removed": told.removed,
                "added": told.added,
                "moved": told.moved,
                "recipe": {key: list(values) for key, values in changed.items()},
            }
        )
        return
    for label, count in (
        (_("the same"), told.same),
        (_("only in {name}").format(name=name), len(told.removed)),
        (_("only in {name}").format(name=other), len(told.added)),
        (_("on the other side of the split"), len(told.moved)),
    ):
        data(f"{number(count):>10}  {label}")
    for key, (was, now) in changed.items():
        data(f"  {key}: {recipe.typed(was)} → {recipe.typed(now)}")


@dataset.command("export", help=_("Write the examples to train.jsonl and validation.jsonl."))
@click.argument("name")
@click.option("--as", "format_", default="openai", show_default=True, help=_("the format"))
@click.option(
    "--out", type=click.Path(path_type=Path, readable=False, file_okay=False), required=True, help=_("the folder")
)
@click.option("--force", is_flag=True, help=_("replace files that are there"))
@pass_context
def export(context: Context, name: str, format_: str, out: Path, force: bool) -> None:
    from core.workspace import datasets

    for written in datasets.export(context.workspace, name, format_, out, force=force):
        if context.json:
            json_line({"file": written.path, "examples": written.examples, "bytes": written.size})
        else:
            data(f"{written.path}  {number(written.examples)}")
