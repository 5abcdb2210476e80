"""The command `account`: what lies at a provider, and its removal."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from core.commands import Context, pass_context
from core.commands.printing import Progress, data, json_line, table, talk
from core.language import _, ngettext
from core.problem import Misuse, Problem, Refused
from core.safe_text import shown_in_line
from core.workspace.account import Filter, ThingRow


@click.command(
    help=_("What lies at a provider: files, models, jobs, limits, or the record of what was removed.")
    + "\n\n"
    + _("`account PROFILE files delete ID...` (or models) removes; a filter takes many, after a preview.")
)
@click.argument("profile")
@click.argument("what", type=click.Choice(["files", "models", "jobs", "limits", "removed"]))
@click.argument("act", required=False, type=click.Choice(["delete"]))
@click.argument("ids", nargs=-1)
@click.option("--named", default="", metavar="PATTERN", help=_("whose id or name fits, with * and ?"))
@click.option("--purpose", default="", help=_("files of this purpose"))
@click.option("--older-than", type=click.IntRange(min=0), metavar="DAYS", help=_("at least so many days old"))
@click.option("--unknown", is_flag=True, help=_("that no run of this workspace knows"))
@click.option("--dry-run", is_flag=True, help=_("show what would be removed, and remove nothing"))
@click.option("--count", type=int, help=_("how many the preview showed: removes them without being asked"))
@click.option("--yes", is_flag=True, help=_("do not ask, for a single one"))
@pass_context
def account(
    context: Context,
    profile: str,
    what: str,
    act: str | None,
    ids: tuple[str, ...],
    named: str,
    purpose: str,
    older_than: int | None,
    unknown: bool,
    dry_run: bool,
    count: int | None,
    yes: bool,
) -> int:
    which = Filter(ids, named, purpose, older_than, unknown)
    if what in ("limits", "removed"):
        if act or not which.empty:
            raise Misuse(_("there is nothing to choose or delete here."))
        _limits(context, profile) if what == "limits" else _removed(context, profile)
        return 0
    from core.workspace import account as verbs

    rows = verbs.things(context.workspace, profile, what, verbs.Patience(waiting(profile)))
    if act is None:
        _show(context, [row for row in rows if which.fits(row)], what)
        return 0
    if what == "jobs":
        raise Misuse(
            _("the protocol deletes no jobs."),
            advice=_("One that still goes on can be cancelled: sinsonte train cancel RUN."),
        )
    found = verbs.chosen(rows, which)
    if not found:
        talk(_("Nothing fits."))
        return 0
    _show(context, found, what) if dry_run or not context.json else None
    if dry_run:
        talk(ngettext("{count} would be removed.", "{count} would be removed.", len(found)).format(count=len(found)))
        return 0
    if not _agreed(len(found), count, yes):
        raise Refused(
            _("nothing was removed."),
            advice=_("Without a terminal, --count {count} says that the preview was read.").format(count=len(found)),
        )
    progress = Progress(_("removing"))
    patience = verbs.Patience(waiting(profile))
    failed = verbs.remove(context.workspace, profile, found, lambda done, all_: progress.at(done, all_), patience)
    progress.close()
    for row, problem in failed:
        talk(f"! {row.thing.id}: {shown_in_line(str(problem))}")
    done = len(found) - len(failed)
    if context.json:
        json_line({"removed": done, "failed": [row.thing.id for row, _problem in failed]})
    talk(ngettext("{count} removed.", "{count} removed.", done).format(count=done))
    return 1 if failed else 0


def waiting(profile: str) -> Callable[[float, Problem, int], None]:
    """Says once for each wait what is waited for; the interrupt key ends it, as it ends everything."""
    said = [0]

    def tell(left: float, failure: Problem, attempt: int) -> None:
        if left and attempt != said[0]:
            said[0] = attempt
            words = _("{name}: {what} Next try in {seconds} s; ^c gives up.")
            talk(words.format(name=profile, what=shown_in_line(failure.what), seconds=max(1, round(left))))

    return tell


def _agreed(found: int, count: int | None, yes: bool) -> bool:
    """One may be agreed to with a yes; many only by their number, on the line or typed."""
    if count is not None:
        if count != found:
            raise Refused(_("there are {found} of them, not {count}.").format(found=found, count=count))
        return True
    if yes and found == 1:
        return True
    if not sys.stdin.isatty():
        return False
    talk(_("Type how many they are ({count}) to remove them for good:").format(count=found))
    return sys.stdin.readline().strip() == str(found)


def _show(context: Context, rows: list[ThingRow], what: str) -> None:
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    from core.workspace import account as verbs

    table(verbs.headings(what), [verbs.cells(row) for row in rows])


def _limits(context: Context, profile: str) -> None:
    from core.workspace import account as verbs

    told = verbs.limits(context.workspace, profile, verbs.Patience(waiting(profile)))
    if context.json:
        json_line(told.as_json())
        return
    for line in told.lines():
        data(shown_in_line(line))


def _removed(context: Context, profile: str) -> None:
    from core.workspace import account as verbs

    rows = verbs.removed(context.workspace, profile)
    if context.json:
        for row in rows:
            json_line({"at": row.at, "what": row.what, "id": row.remote_id, "name": row.name, "bytes": row.size})
        return
    table([_("when"), _("what"), "id", _("name"), _("size")], [verbs.removed_cells(row) for row in rows])
