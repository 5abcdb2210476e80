"""Starting a run at a provider from the command line: the page, the question, the start."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from core.commands import Context
from core.commands.printing import confirmed, json_line, talk
from core.language import _
from core.problem import Misuse, Refused
from core.safe_text import shown_in_line


def start(
    context: Context,
    dataset: str,
    profile: str,
    model: str,
    options: Mapping[str, Any],
    *,
    dry_run: bool,
    yes: bool,
) -> str:
    """Show what it would cost, ask, and start; returns the run's id, or nothing for a dry run."""
    from core.workspace import cloud, final_page

    if model == "mini":
        raise Misuse(
            _("a provider trains its own bases, not mini."),
            advice=_("Name one with --model; `sinsonte account {name} models` lists them.").format(name=profile),
        )
    page = final_page.plan(context.workspace, dataset, profile, model, options)
    for what, value in page.lines():
        talk(f"{what:<12} {shown_in_line(value)}")
    for warning in page.warnings:
        talk("! " + shown_in_line(warning))
    if dry_run:
        if context.json:
            json_line(page.as_json())
        return ""
    if page.confirm and not agreed(page.confirm, yes=yes):
        raise Refused(_("nothing was uploaded or started."), advice=_("Add --yes to go on without being asked."))
    run = cloud.start(context.workspace, page)
    if context.json:
        json_line(run.as_json())
    else:
        talk(_("Run {id} started. Follow it with: sinsonte train follow {id}").format(id=run.id))
    return run.id


def agreed(words: str, *, yes: bool) -> bool:
    """Whether the person agrees: with a yes, or by typing these very words where more is at stake."""
    if words == "yes":
        return confirmed(_("Upload the examples and start? [y/N]"), yes=yes)
    if yes:
        return True
    if not sys.stdin.isatty():
        return False
    talk(_("Type {words} to upload the examples and start:").format(words=words))
    return sys.stdin.readline().strip() == words
