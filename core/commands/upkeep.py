"""Looking after the house: doctor, backup, config, completion, and what `--version` says."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

import click

import core
from core.commands import Context, pass_context
from core.commands.printing import confirmed, data, json_line, number, table, talk
from core.language import _
from core.problem import Misuse, Problem, Refused

_MARKS = {"ok": "✓", "note": "·", "bad": "✗"}


def version_lines() -> list[str]:
    """App, Python, SQLite, schema, torch: without importing torch."""
    from core.workspace.health import schema_version, sqlite_version

    return [
        f"sinsonte {core.__version__}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite_version()}",
        _("database schema {number}").format(number=schema_version()),
        f"torch {installed('torch') or _('not installed')}",
    ]


def installed(package: str) -> str:
    """The version of an installed package, or nothing; the package is not imported."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


@click.command(help=_("Check the machine and the workspace; exit code 1 when something is wrong."))
@pass_context
def doctor(context: Context) -> int:
    from core.workspace.health import examine

    findings = examine(context.folder, context.settings)
    for finding in findings:
        if context.json:
            json_line({"check": finding.check, "state": finding.state, "text": finding.text, "advice": finding.advice})
        else:
            data(f"{_MARKS[finding.state]} {finding.text}")
            if finding.advice:
                data(f"    {finding.advice}")
    return 1 if any(finding.state == "bad" for finding in findings) else 0


@click.group(
    invoke_without_command=True, help=_("Save a copy of the workspace's database; without more words, do it now.")
)
@click.option("--to", type=click.Path(path_type=Path, readable=False), help=_("write the copy to this file"))
@click.pass_context
def backup(ctx: click.Context, to: Path | None) -> None:
    if ctx.invoked_subcommand is not None:
        return
    context = ctx.find_object(Context)
    assert context is not None
    from core.workspace import upkeep

    made = upkeep.backup(context.workspace, to)
    if context.json:
        json_line({"backup": made})
    else:
        data(_("Saved to {file}").format(file=made))


@backup.command("list", help=_("List the copies, newest first."))
@pass_context
def backup_list(context: Context) -> None:
    from core.workspace import upkeep

    copies = upkeep.backups(context.folder)
    if not copies and not context.json:
        talk(_("No copies yet. Make one with: sinsonte backup"))
    for copy in copies:
        if context.json:
            json_line({"backup": copy.name, "bytes": copy.stat().st_size})
        else:
            data(f"{copy.name}  {number(copy.stat().st_size)}")


@backup.command("restore", help=_("Go back to a copy; what is there now is kept beside it."))
@click.argument("name")
@click.option("--yes", is_flag=True, help=_("do not ask"))
@pass_context
def backup_restore(context: Context, name: str, yes: bool) -> None:
    from core.workspace import upkeep

    upkeep.must_be_there(context.folder, name)
    question = _("Replace the workspace's database by {name}? The present one is kept aside. [y/N]").format(name=name)
    if not confirmed(question, yes=yes):
        raise Refused(_("nothing was restored."), advice=_("Add --yes to go on without being asked."))
    kept = upkeep.restore(context.folder, name)
    talk(_("Restored. What was there before is in {file}").format(file=kept))


@click.group(invoke_without_command=True, help=_("Show the settings and where they come from."))
@click.pass_context
def config(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is not None:
        return
    context = ctx.find_object(Context)
    assert context is not None
    settings = context.settings
    from core.credentials import key_for
    from core.settings import SCALARS

    values = {key: str(getattr(settings, key)) for key in SCALARS}
    endpoints = [
        {"name": one.name, "base_url": one.base_url, "kind": one.kind, "key": _key_place(key_for(one))}
        for one in settings.endpoints.values()
    ]
    if context.json:
        json_line({"file": settings.file, "workspace_in_use": context.folder, **values, "endpoints": endpoints})
        return
    there = settings.file if settings.file.exists() else _("{file} (not there yet)").format(file=settings.file)
    data(_("settings file: {file}").format(file=there))
    data(_("workspace in use: {folder}").format(folder=context.folder))
    table(
        [_("setting"), _("value"), _("meaning")],
        [(key, values[key] or "—", _(meaning)) for key, meaning in SCALARS.items()],
    )
    for one in endpoints:
        key = one["key"] or _("no key")
        data(f"[endpoints.{one['name']}]  {one['base_url']}  {one['kind']}  {key}")


def _key_place(key: object) -> str:
    return str(getattr(key, "source", ""))


@config.command("path", help=_("Print where the settings file is."))
@pass_context
def config_path(context: Context) -> None:
    data(str(context.settings.file))


@config.command("set", help=_("Change one setting, for example: config set language es"))
@click.argument("key")
@click.argument("value")
@pass_context
def config_set(context: Context, key: str, value: str) -> None:
    from core.settings import SCALARS, change

    if "key" in key.rsplit(".", 1)[-1] and key.rsplit(".", 1)[-1] not in ("api_key_env", "api_key_file"):
        raise Misuse(_("keys are not settings."), advice=_("Store one with `sinsonte config key NAME`."))
    if "." not in key and key not in SCALARS:
        raise Misuse(
            _("there is no setting “{key}”.").format(key=key),
            advice=_("Known settings: {known}.").format(known=", ".join(SCALARS)),
        )
    if key == "workspace" and value:
        # Told once, from wherever one stands; read from anywhere.
        value = str(Path(value).expanduser().absolute())
        if Path(value).exists() and not Path(value).is_dir():
            raise Misuse(_("this is not a folder, so it cannot be a workspace."), where=value)
    change(key, value, context.settings.file)
    talk(_("{key} is now “{value}”.").format(key=key, value=value))


@config.command("key", help=_("Store an endpoint's API key (asked for, not echoed; or piped in)."))
@click.argument("name")
@pass_context
def config_key(context: Context, name: str) -> None:
    if name not in context.settings.endpoints and name != "telegram":
        raise Misuse(
            _("there is no endpoint “{name}”.").format(name=name),
            advice=_("Known: {known}.").format(known=", ".join(context.settings.endpoints)),
        )
    from core.credentials import store_key

    if sys.stdin.isatty():
        import getpass

        text = getpass.getpass(_("Key for {name} (not shown): ").format(name=name))
    else:
        text = sys.stdin.readline()
    talk(_("Stored in {file}").format(file=store_key(name, text)))


@click.command(help=_("Print the completion script for bash, zsh or fish."))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    root = ctx.find_root()
    if found is None:
        raise Problem(_("no completion for {shell}.").format(shell=shell))
    # click's bash class runs bash to learn its version and refuses without one; the script itself needs none.
    script = found(root.command, {}, "sinsonte", "_SINSONTE_COMPLETE")
    sys.stdout.write(script.source_template % script.source_vars())


def terminal_words() -> str:
    """How the terminal presents itself, for doctor."""
    return " ".join(f"{name}={os.environ[name]}" for name in ("TERM", "COLORTERM", "NO_COLOR") if name in os.environ)
