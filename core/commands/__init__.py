"""The command line: `sinsonte [--workspace DIR] [--json] COMMAND`.

Thin: a command reads its arguments, calls one verb of `core.workspace`, and prints. The contract (names, exit
codes 0/1/2/3/130, data on standard output and talk on standard error) is in docs/commands.md. Commands are
imported only when they are called: `sinsonte --help` costs click and nothing more.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click

from core.commands import click_words
from core.language import N_, _, choose
from core.problem import Problem, system_words

if TYPE_CHECKING:
    from pathlib import Path

    from core.settings import Settings
    from core.workspace.opening import Workspace

# name -> (module, attribute, what it does); the order is that of the work.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "demo": ("core.commands.demo", "demo", N_("the whole job on the sample chats and the embedded model")),
    "import": ("core.commands.chats", "import_", N_("read exported chats")),
    "chats": ("core.commands.chats", "chats", N_("list the chats")),
    "messages": ("core.commands.chats", "messages", N_("list or search the messages")),
    "participants": ("core.commands.people", "participants", N_("the people in the chats, and their consent")),
    "forget": ("core.commands.people", "forget", N_("take a person's words out for good")),
    "curate": ("core.commands.curate", "curate", N_("keep, drop, edit and tag messages, with undo")),
    "recipe": ("core.commands.recipe", "recipe", N_("the parameters that lead from messages to examples")),
    "dataset": ("core.commands.datasets", "dataset", N_("freeze, list, show and export datasets")),
    "train": ("core.commands.train", "train", N_("fine-tune a model on a dataset, and follow it")),
    "models": ("core.commands.models", "models", N_("list the models")),
    "evaluate": ("core.commands.evaluate", "evaluate", N_("measure a tuned model against its base")),
    "ask": ("core.commands.talk", "ask", N_("ask a model one thing")),
    "compare": ("core.commands.talk", "compare", N_("two models side by side, at several temperatures")),
    "chat": ("core.commands.chat", "chat", N_("talk with a model, line by line")),
    "serve": ("core.commands.serve", "serve", N_("serve models by the OpenAI protocol")),
    "transcripts": ("core.commands.transcripts", "transcripts", N_("the talks that were had with models")),
    "corrections": ("core.commands.transcripts", "corrections", N_("better replies, written in place of a model's")),
    "account": ("core.commands.account", "account", N_("what lies at a provider, and its removal")),
    "prices": ("core.commands.prices", "prices", N_("what training and using models costs")),
    "doctor": ("core.commands.upkeep", "doctor", N_("check the machine and the workspace")),
    "backup": ("core.commands.upkeep", "backup", N_("save a copy of the workspace's database, or go back to one")),
    "config": ("core.commands.upkeep", "config", N_("the settings, and where keys are kept")),
    "completion": ("core.commands.upkeep", "completion", N_("print the completion script for a shell")),
}


@dataclass
class Context:
    """What every command shares: how to print, and the workspace, opened when first asked for."""

    json: bool = False
    workspace_option: str | None = None
    _settings: Settings | None = field(default=None, repr=False)
    _workspace: Workspace | None = field(default=None, repr=False)

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            from core.settings import load

            self._settings = load()
        return self._settings

    @property
    def folder(self) -> Path:
        from core.settings import workspace_folder

        return workspace_folder(self.workspace_option, self.settings)

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            from core.workspace.opening import open_workspace

            self._workspace = open_workspace(self.folder, self.settings)
        return self._workspace

    def close(self) -> None:
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None


pass_context = click.make_pass_decorator(Context)


class CommandGroup(click.Group):
    """Finds commands by name in COMMANDS and imports them only then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute, _does = entry
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(does)) for name, (_m, _a, does) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            hint = _("Did you mean “{name}”?").format(name=near[0]) if near else _("See `sinsonte --help`.")
            raise click.UsageError(_("there is no command “{name}”.").format(name=name) + " " + hint)
        return super().resolve_command(ctx, args)


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from core.commands.upkeep import version_lines

        click.echo("\n".join(version_lines()))
        ctx.exit()


def build() -> click.Group:
    """The command tree, with its help in the language that is chosen now."""
    click_words.speak()

    @click.group(
        cls=CommandGroup,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        help=_("Turn exported chats into a model that speaks like one person in them.")
        + "\n\n"
        + _("Without a command the workbench opens. --json may stand anywhere on the line."),
    )
    @click.option("--workspace", metavar="DIR", help=_("the folder that holds everything (also SINSONTE_WORKSPACE)"))
    @click.option("--json", "as_json", is_flag=True, help=_("print JSON, one object a line for lists"))
    @click.option(
        "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help=_("show versions")
    )
    @click.pass_context
    def sinsonte(ctx: click.Context, workspace: str | None, as_json: bool) -> None:
        context = Context(json=as_json, workspace_option=workspace)
        ctx.obj = context
        ctx.call_on_close(context.close)
        if ctx.invoked_subcommand is None:
            ctx.exit(_open_workbench(context))

    return sinsonte


def _open_workbench(context: Context) -> int:
    # Textual draws on standard error.
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise Problem(
            _("the workbench needs a terminal."), advice=_("Name a command instead; `sinsonte --help` lists them.")
        )
    # Found by name: core may not reach the screens (a contract in pyproject), and only this line starts them.
    workbench: Any = importlib.import_module("tui.app")
    return int(workbench.run(context.workspace, context.settings))


def with_json_first(arguments: list[str]) -> list[str]:
    """`--json` may stand anywhere before a lone `--`: move it to where the group reads it."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [one for one in arguments[:end] if one != "--json"]
    found = len(kept) < end
    return (["--json"] if found else []) + kept + arguments[end:]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; the one place where errors become words."""
    given = sys.argv[1:] if arguments is None else arguments
    output = sys.stdout
    os.umask(0o077)  # chats are private: nothing that a command writes is for others to read
    try:
        _choose_language()
        result = build().main(with_json_first(given), prog_name="sinsonte", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as error:
        return _tell(_one_line(_misused(error)), 2)
    except click.ClickException as error:
        return _tell(_one_line(error.format_message()), error.exit_code)
    except Problem as problem:
        return _tell(_one_line(str(problem)), problem.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _tell(_("Interrupted; nothing half-done was kept."), 130)
    except BrokenPipeError:
        return _reader_left()
    except SystemExit:
        if sys.stdout is output:
            raise
        # Click meets a broken pipe first: it wraps the output, so that no flush complains, and leaves.
        return _reader_left()
    except OSError as error:
        from core.crash import report

        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _tell(report(error), 1)
        _drop_output()
        return _tell(
            _("cannot be written: {detail}.").format(detail=system_words(error))
            + " "
            + _("Free some space and try again."),
            1,
        )
    except Exception as error:  # noqa: BLE001 - the edge: what nobody foresaw becomes one line and a private log
        from core.crash import report

        return _tell(report(error), 1)


def _reader_left() -> int:
    """The reader (head, less) went away: that is its right, and what it read was whole lines."""
    _drop_output()
    return 0


def _drop_output() -> None:
    """What is still buffered goes nowhere: Python would try once more at its end, complain, and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _choose_language() -> None:
    if not os.environ.get("SINSONTE_LANG"):
        from core.settings import load

        try:
            # Told to the processes that we start, too: a run's log speaks the language of whoever began it.
            os.environ["SINSONTE_LANG"] = choose(load().language or None)
            return
        except Problem:
            choose()  # in the locale's language, so that the words about the settings file can be read
            raise
    choose()


def _misused(error: click.UsageError) -> str:
    """What was wrong with the line, and where its right form is told."""
    said = error.format_message()
    if error.ctx is None or "--help" in said or said.endswith("?"):
        return said
    stop = "" if said.endswith((".", ")", "?", "!")) else "."
    return said + stop + " " + _("See `{command} --help`.").format(command=error.ctx.command_path)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tell(text: str, code: int) -> int:
    from core.commands.printing import talk

    talk("sinsonte: " + text)
    return code
