"""Commands about models."""

from __future__ import annotations

from pathlib import Path

import click

from core.commands import Context, pass_context
from core.commands.printing import data, json_line, table, talk, typed
from core.commands.rehome import rehome
from core.language import _
from core.problem import Refused


@click.group(help=_("List the models, and see where each came from."))
def models() -> None:
    pass


@models.command("list", help=_("List the models of this workspace."))
@click.option("--found", is_flag=True, help=_("list the model servers of others that answer on this machine"))
@pass_context
def list_(context: Context, found: bool) -> None:
    from core.workspace import models as verbs
    from core.workspace import run_words

    if found:
        _list_found(context)
        return
    rows = verbs.listing(context.workspace)
    if context.json:
        for row in rows:
            json_line(row.as_json())
        return
    if not rows:
        talk(_("No tuned models yet. Train one with: sinsonte train start DATASET"))
        return
    tainted = any(row.tainted for row in rows)
    table(
        [_("model"), _("kind"), _("base"), _("dataset"), _("run"), _("until"), *([""] if tainted else [])],
        [
            (
                row.name,
                run_words.model_kind(row.kind),
                row.base,
                row.dataset,
                row.run,
                row.ends,
                *([_("holds words of a person who was forgotten") * row.tainted] if tainted else []),
            )
            for row in rows
        ],
    )


def _list_found(context: Context) -> None:
    from core.workspace import serving

    servers = serving.found()
    if context.json:
        for one in servers:
            json_line(one.as_json())
        return
    if not servers:
        talk(_("No model server answers on this machine (Ollama, vLLM, llama.cpp, LM Studio at their usual ports)."))
        return
    table(
        [_("model"), _("address")],
        [(f"{one.name}:{model}", one.url) for one in servers for model in one.models or ("…",)],
    )


@models.command("show", help=_("Show where a model came from."))
@click.argument("name")
@pass_context
def show(context: Context, name: str) -> None:
    from core.workspace import models as verbs

    row = verbs.named(context.workspace, name)
    if context.json:
        json_line(row.as_json())
        return
    for key, value in row.as_json().items():
        data(f"{key:<12} {value if value not in (None, '') else '—'}")


@models.command("merge", help=_("Write the model and its base as one plain folder, which other programs can load."))
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path, readable=False, file_okay=False), help=_("the folder"))
@pass_context
def merge(context: Context, name: str, to: Path | None) -> None:
    from core.workspace import models as verbs

    folder, difference = verbs.merged(context.workspace, name, to)
    if context.json:
        json_line({"folder": folder, "difference": difference})
    else:
        data(
            _("Merged into {folder}; largest difference of logits {difference:.1e}").format(
                folder=folder, difference=difference
            )
        )


@models.command("gguf", help=_("Write the model as one GGUF file, by the converter of llama.cpp."))
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path, readable=False, dir_okay=False), help=_("the file"))
@click.option("--type", "number", type=click.Choice(["f32", "f16", "bf16", "q8_0"]), default="f16", show_default=True)
@pass_context
def gguf(context: Context, name: str, to: Path | None, number: str) -> None:
    from core.workspace import gguf as verbs

    file = verbs.write(context.workspace, name, to, number)
    if context.json:
        json_line({"file": file, "bytes": file.stat().st_size})
    else:
        data(_("Written: {file}").format(file=file))


@models.command("card", help=_("Write the model's card beside its weights: figures and lineage, no chat text."))
@click.argument("name")
@pass_context
def card(context: Context, name: str) -> None:
    from core.workspace import models as verbs

    file = verbs.card(context.workspace, name)
    if context.json:
        json_line({"file": file})
    else:
        data(str(file))


models.add_command(rehome)


@models.command("delete", help=_("Remove a tuned model and its weights; its run stays."))
@click.argument("name")
@click.option("--yes", is_flag=True, help=_("do not ask"))
@pass_context
def delete(context: Context, name: str, yes: bool) -> None:
    from core.workspace import models as verbs

    verbs.named(context.workspace, name)
    if not typed(_("Type “{name}” to delete the model and its weights:").format(name=name), name, yes=yes):
        raise Refused(_("nothing was deleted."), advice=_("Add --yes to go on without being asked."))
    verbs.delete(context.workspace, name)
    talk(_("Model “{name}” is deleted.").format(name=name))
