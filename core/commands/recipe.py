"""Commands about the recipe: show, set, preview, save and go back, presets."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from core.chat import local_iso
from core.commands import Context, pass_context
from core.commands.printing import bars, data, json_line, number, table, talk
from core.language import _, ngettext
from core.problem import Misuse, Problem


def assignments(pairs: tuple[str, ...]) -> dict[str, str]:
    """KEY=VALUE words as a dictionary."""
    result: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise Misuse(_("“{pair}” is not KEY=VALUE.").format(pair=pair))
        result[key.strip()] = value
    return result


def clipped(text: str, limit: int = 24) -> str:
    """A value short enough for its column; `--json` has it whole."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


@click.group(help=_("The parameters that lead from messages to examples."))
def recipe() -> None:
    pass


@recipe.command("show", help=_("Show every parameter with its bounds."))
@pass_context
def show(context: Context) -> None:
    from core.workspace import recipe as verbs

    current = verbs.current(context.workspace)
    if context.json:
        json_line({**current.to_dict(), "hash": current.hash})
        return
    table(
        [_("parameter"), _("value"), _("meaning")],
        [(one.name, clipped(one.value) or "—", one.meaning) for one in verbs.parameters(context.workspace)],
    )
    data(_("hash {hash}").format(hash=current.hash))


@recipe.command("set", help=_("Change parameters, for example: recipe set burst_window=30m buffer_size=6"))
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@pass_context
def set_(context: Context, pairs: tuple[str, ...]) -> None:
    from core.workspace import recipe as verbs

    changed = verbs.change(context.workspace, assignments(pairs))
    if context.json:
        json_line({**changed.to_dict(), "hash": changed.hash})
    else:
        talk(_("Recipe saved; hash {hash}.").format(hash=changed.hash))


@recipe.command("preview", help=_("Show what the recipe gives: turns, conversations, examples, tokens, cost."))
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE...]")
@pass_context
def preview(context: Context, pairs: tuple[str, ...]) -> None:
    from core.workspace import recipe as verbs

    counters = verbs.preview(context.workspace, assignments(pairs))
    if context.json:
        json_line(counters)
        return
    almost = "" if counters.exact else "≈ "
    for label, value in (
        (_("messages kept"), number(counters.messages)),
        (_("turns"), number(counters.turns)),
        (_("conversations"), number(counters.conversations)),
        (_("examples"), number(counters.examples)),
        (_("of them, corrections"), number(counters.corrections)),
        (_("tokens ({model})").format(model=counters.model), almost + number(counters.tokens or 0)),
        (_("cost of training"), counters.cost or _("nothing: it is trained here")),
    ):
        data(f"{label:<28} {value}")


@recipe.command("shape", help=_("Show how turns, tokens and months are spread, and where the split falls."))
@pass_context
def shape(context: Context) -> None:
    import dataclasses

    from core.workspace import preview as verbs
    from core.workspace import recipe as counting

    counting.exact_counters(context.workspace)
    told = verbs.shape(context.workspace)
    if told is None:
        raise Problem(_("this recipe gives no examples."), advice=_("Choose a persona, or widen the windows."))
    if context.json:
        json_line(dataclasses.asdict(told))
        return
    for name, spread in ((_("characters of a turn"), told.turns), (_("tokens of an example"), told.tokens)):
        data(
            _("{name}: half ≤ {median}, 95 % ≤ {high}, longest {longest}").format(
                name=name, median=number(spread.median), high=number(spread.high), longest=number(spread.longest)
            )
        )
    for name, side in ((_("to train on"), told.train), (_("held out"), told.validation)):
        days = "—" if side.first is None or side.last is None else f"{local_iso(side.first)} … {local_iso(side.last)}"
        many = ngettext("{n} example", "{n} examples", side.examples).format(n=number(side.examples))
        data(f"{name}: {many}, {days}")
    for month, train, held in told.months:
        data(f"{month}  {number(train):>8} {number(held):>8}")


@recipe.command(
    "examples", help=_("Print examples as the chosen model would be trained on them; what is learnt is marked.")
)
@click.option("--from", "first", type=click.IntRange(min=1), default=1, show_default=True, help=_("the first of them"))
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, help=_("at most so many"))
@pass_context
def examples(context: Context, first: int, limit: int) -> None:
    import dataclasses

    from core.workspace import preview as verbs
    from core.workspace import recipe as counting

    count = counting.exact_counters(context.workspace).examples
    for n in range(first - 1, min(first - 1 + limit, count)):
        one = verbs.example(context.workspace, n)
        if one is None:
            return
        if context.json:
            json_line(dataclasses.asdict(one))
            continue
        data(_("#{n} of {count} · {side} · {tokens} tokens").format(
            n=one.n + 1, count=one.count, side=one.side or "—", tokens=one.learnt.tokens
        ))  # fmt: skip
        marked = (f"⟦{piece.text}⟧" if piece.sort == "trained" else piece.text for piece in one.learnt.pieces)
        data("".join(marked).replace("⟧⟦", ""))


@recipe.command("preset", help=_("Begin anew from a preset; without a name, show them and what each would change."))
@click.argument("name", required=False)
@pass_context
def preset(context: Context, name: str | None) -> None:
    from core.workspace import versions

    if name is not None:
        made = versions.preset(context.workspace, name)
        if context.json:
            json_line({**made.to_dict(), "hash": made.hash})
        else:
            talk(_("The recipe is now the preset “{name}”; hash {hash}.").format(name=name, hash=made.hash))
        return
    for row in versions.presets(context.workspace):
        if context.json:
            json_line({"preset": row.name, "meaning": row.meaning, "changes": row.changes})
            continue
        data(f"{row.name}: {row.meaning}")
        _print_changes(row.changes)


def _print_changes(changes: Mapping[str, tuple[object, object]]) -> None:
    for key, (was, now) in changes.items():
        data(f"  {key}: {json.dumps(was, ensure_ascii=False)} → {json.dumps(now, ensure_ascii=False)}")


@recipe.command("save", help=_("Save the recipe as a new version, under its name or another."))
@click.argument("name", default="")
@pass_context
def save(context: Context, name: str) -> None:
    from core.workspace import versions

    row = versions.save(context.workspace, name)
    if context.json:
        json_line(row.as_json())
    else:
        talk(_("Saved as “{name}”, version {version}.").format(name=row.name, version=row.version))


@recipe.command("versions", help=_("List the saved recipes."))
@pass_context
def list_versions(context: Context) -> None:
    from core.workspace import versions

    rows = versions.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    if not rows:
        talk(_("Nothing was saved yet. Save the recipe with: sinsonte recipe save NAME"))
        return
    table(
        [_("version"), _("saved"), "hash", _("recipe")],
        [(row.version, row.saved_at[:16].replace("T", " "), row.hash, row.name) for row in rows],
        right=(0,),
    )


@recipe.command("diff", help=_("Show what differs from the last save."))
@pass_context
def diff(context: Context) -> None:
    from core.workspace import versions

    changes = versions.changes(context.workspace)
    if context.json:
        json_line({key: list(pair) for key, pair in changes.items()})
        return
    _print_changes(changes)
    if not changes:
        talk(_("Nothing differs from the last save."))


@recipe.command("revert", help=_("Go back to the last save, or to any version of a saved recipe."))
@click.argument("name", default="")
@click.argument("version", type=click.IntRange(min=1), required=False)
@pass_context
def revert(context: Context, name: str, version: int | None) -> None:
    from core.workspace import versions

    row = versions.take(context.workspace, name, version) if name else versions.revert(context.workspace)
    if context.json:
        json_line(row.as_json())
    else:
        talk(_("Back to “{name}”, version {version}.").format(name=row.name, version=row.version))


@recipe.command("rules", help=_("Show every cleaning rule with what it touches."))
@pass_context
def rules(context: Context) -> None:
    from core.workspace import checks

    rows = checks.rules(context.workspace)
    if context.json:
        for row in rows:
            json_line({"rule": row.name, "on": row.on, "count": row.count, "examples": row.examples})
        return
    table(
        [_("touched"), _("on"), _("rule"), _("for example")],
        [
            (
                number(row.count),
                _("yes") if row.on else _("no"),
                row.name,
                " · ".join(clipped(one) for one in row.examples[:2]) or row.meaning,
            )
            for row in rows
        ],
        right=(0,),
    )


@recipe.command("privacy", help=_("Count the phones, e-mails, ids and keys in what the recipe keeps, by kind."))
@pass_context
def privacy(context: Context) -> None:
    from core.workspace import checks

    found = checks.private_things(context.workspace)
    if context.json:
        json_line(dict(found))
        return
    for kind, count in sorted(found.items()):
        data(f"{number(count):>8}  {kind}")
    if not found:
        talk(_("Nothing private was found by form."))


@recipe.command("stats", help=_("Lengths, vocabulary and top words of what the recipe keeps."))
@click.option("--top", type=click.IntRange(1, 200), default=20, show_default=True, help=_("how many words"))
@click.option("--participant", default="", help=_("of this participant alone, months too"))
@pass_context
def stats(context: Context, top: int, participant: str) -> None:
    import dataclasses

    from core.workspace import checks

    rows, months = checks.statistics(context.workspace, top, participant)
    if context.json:
        for row in rows:
            json_line({"participant": row.name or None, **dataclasses.asdict(row.figures)})
        json_line({"months": dict(months)})
        return
    table(
        [_("messages"), _("words"), _("mean"), _("95 %"), _("vocabulary"), _("richness"), _("participant")],
        [
            (
                number(row.figures.messages),
                number(row.figures.words),
                f"{row.figures.mean_words:.1f}",
                row.figures.p95_words,
                number(row.figures.vocabulary),
                f"{row.figures.richness:.2f}",
                row.name or _("all"),
            )
            for row in rows
        ],
        right=(0, 1, 2, 3, 4, 5),
    )
    for row in rows:
        words = ", ".join(f"{word} {number(count)}" for word, count in row.figures.top)
        data("")
        data(
            _("{name}, most used words without fillers: {words}").format(name=row.name or _("all"), words=words or "—")
        )
        bars(_("messages by their number of words:"), row.figures.lengths)
    if len(people := [row for row in rows if row.name]) > 1:
        bars(_("messages by participant:"), [(row.name, row.figures.messages) for row in people])
        bars(_("different words by participant:"), [(row.name, row.figures.vocabulary) for row in people])
    bars(_("messages by month:"), list(months.items()))
