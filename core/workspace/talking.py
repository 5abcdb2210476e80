"""The verbs about talking: who can be talked to, and talking, whatever serves it.

    for row in speakers(workspace): ...             # no network, nothing started: what a list shows
    with open_speaker(workspace, "rita", progress) as speaker:      # starts or finds the local server: seconds
        messages = [*speaker.opening(), {"role": "user", "content": "¿Vienes?"}]
        with speaker.stream(messages, preset("usual").manner) as stream:
            for piece in stream: ...                # blocks; or, on a timer: stream.drain(), stream.done
        reply = stream.reply                        # text, alternatives, figures, trouble

- A `SpeakerRow` is a model that one can talk to: `mini`, a base that a tuned model has, a tuned model, or a remote one
  (`PROFILE:ID`), with what it was trained with: system prompt, separator between the messages of a turn, stop, the turns
  of context that it ever saw.
- A `Speaker` serves any thread. Two of one base share one copy of its weights; their requests take turns at the server.
- A `Stream` has live `figures` at any moment (time to first token, tokens/s, tokens, cost, seconds until a busy server is
  asked again) and `stop()`, from any thread, at once. It never raises for what a model or server does: `reply.trouble`
  says what went wrong, and whether what arrived is a beginning that can be gone on from (`trouble.can_go_on`), by
  `speaker.go_on(messages, reply.text, manner)`; that stream's `goes_on` is False where the server can only try anew.
- A `Manner` has the parameters, `PARAMETERS` their bounds and help, `PRESETS` the named ones with their meaning.
- Several alternatives (`n`) arrive as pieces with an `index`; with `logprobs` pieces carry `tokens`.
- `windowed` cuts a conversation to the turns that the model was trained on; `transcripts.bubbles(text, row.separator)` a
  reply into the messages that it stands for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core import endpoints
from core.chatting import finding
from core.chatting.cutting import Cutter
from core.chatting.loading import Loading
from core.chatting.manner import PARAMETERS, PRESETS, Manner, Parameter, Preset, preset
from core.chatting.replies import Alternative, Figures, Piece, Reply, Token, Trouble
from core.chatting.templates import Template
from core.chatting.templates import load as load_templates
from core.counting import using
from core.language import _
from core.problem import Misuse
from core.workspace import checkpoints, models, prompting
from core.workspace.opening import Workspace

if TYPE_CHECKING:
    from core.chatting.client import Client, Messages, Stream
    from core.counting.using import UsePrice
    from core.settings import Endpoint
    from core.training.process import Process
    from core.workspace.models import ModelRow

BASE, ADAPTER, REMOTE = "base", "adapter", "remote"
CHAT, COMPLETION = "chat", "completion"
SERVERS: Final = "server"  # the folder of the local servers' records


@dataclass(frozen=True, slots=True)
class SpeakerRow:
    """A model that one can talk to, and what it was trained with."""

    name: str
    kind: str  # base, adapter or remote
    base: str = ""
    dataset: str = ""
    system: str = ""  # what its examples opened with: asked otherwise, it would not be itself
    separator: str = ""  # what joins the messages of a turn; "" is not known
    stop: tuple[str, ...] = ()  # beside the end tokens, which its server knows
    turns: int = 0  # of context in its examples at most; 0: not known
    context: int = 0  # tokens that it can read; 0: not known
    shape: str = "chat"  # or "completion": an older model, asked with the prompt of its training
    price: UsePrice | None = None
    ends: str = ""  # of a remote model: until when it answers, as a countdown

    def as_json(self) -> dict[str, Any]:
        """The row for `--json`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "base": self.base,
            "dataset": self.dataset,
            "system": self.system,
            "separator": self.separator,
            "stop": list(self.stop),
            "turns": self.turns,
            "context": self.context,
            "shape": self.shape,
            "ends": self.ends or None,
            "price": self.price.as_json() if self.price is not None else None,
        }


def speakers(workspace: Workspace, *, priced: bool = True) -> list[SpeakerRow]:
    """Everybody who can be talked to: the tuned first, then their bases. Asks no server.

    The first price that is looked up takes half a second; a key that does not wait for it asks for rows without.
    """
    known = models.listing(workspace)
    tuned = [one for one in known if one.kind != BASE]
    rows = [_row(workspace, one) for one in tuned]
    if priced:
        rows = [_priced(workspace, row) for row in rows]
    own = [one.name for one in known if one.kind == BASE]  # built here from the chats
    bases = list(dict.fromkeys([models.MINI, *own, *(one.base for one in tuned if one.kind != REMOTE)]))
    return rows + [_base_row(workspace, base, tuned) for base in bases]


def speaker_named(workspace: Workspace, name: str, *, priced: bool = True) -> SpeakerRow:
    """The one of this name: as listed, a folder with a model, or PROFILE:ID of an endpoint of the settings. `priced` is
    that of `speakers`."""
    row = _speaker_named(workspace, name)
    return _priced(workspace, row) if priced else row


def _speaker_named(workspace: Workspace, name: str) -> SpeakerRow:
    rows = speakers(workspace, priced=False)
    for row in rows:
        if row.name == name:
            return row
    profile, _colon, model = name.partition(":")
    if model and _endpoint(workspace, profile) is not None:
        if (made := checkpoints.origin(workspace, name)) is not None:
            return _remote_row(workspace, name, made.base, made.dataset, made.details)
        shape = COMPLETION if prompting.is_old(model) else CHAT
        ends = models.ends_of(workspace, name)
        return SpeakerRow(name, REMOTE, base=model, shape=shape, ends=ends)
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file():
        return SpeakerRow(name, BASE, base=str(folder.resolve()), context=_context(folder), price=using.FREE)
    raise Misuse(
        _("there is nobody called “{name}” to talk to.").format(name=name),
        advice=_("There are: {names}.").format(names=", ".join(row.name for row in rows))
        + " "
        + _("A model of an endpoint is named PROFILE:ID."),
    )


def open_speaker(
    workspace: Workspace,
    name: str,
    progress: models.Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[Loading], None] = lambda _loading: None,
) -> Speaker:
    """Somebody to talk to. For a local model its server is found or started, which takes seconds; `stop` is asked often
    meanwhile whether to give up, and `tell` told how it goes, and whether another terminal does it."""
    from core.chatting.client import Client

    row = speaker_named(workspace, name)
    if row.kind == REMOTE:
        from core.chatting import doors

        profile, _colon, model = row.name.partition(":")
        endpoint = _endpoint(workspace, profile)
        if endpoint is None:
            raise Misuse(_("there is no endpoint “{name}”.").format(name=profile))
        client = Client(doors.of_profile(endpoints.profile_for(endpoint)))
        client.wake()
        speaker = Speaker(row, model, lambda: client, client.close, goes_on=client.door.goes_on)
        if row.shape == COMPLETION:
            speaker.prompt, speaker.goes_on = _prompts_of(workspace, row), True
        return speaker
    local = _Local(workspace, row, progress, stop, tell)
    local.client()
    return Speaker(row, local.model, local.client, local.close, goes_on=True)


class Speaker:
    """A model that listens. Close it when the talk is over; a local server then stops by itself some time later."""

    def __init__(
        self,
        row: SpeakerRow,
        model: str,
        client: Callable[[], Client],
        close: Callable[[], None],
        *,
        goes_on: bool,
    ) -> None:
        self.row = row
        self._model, self._client, self._close = model, client, close
        self.goes_on = goes_on  # whether a reply that was cut off can be gone on with
        self.prompt: Callable[[Messages], str] | None = None  # writes the prompt of an older model

    def opening(self, system: str | None = None) -> list[dict[str, str]]:
        """What a conversation with it opens with: its own system prompt, or another one; "" is none."""
        words = self.row.system if system is None else system
        return [{"role": "system", "content": words}] if words else []

    def stream(self, messages: Messages, manner: Manner | None = None) -> Stream:
        """The reply to these messages, as it comes."""
        return self._begin(messages, manner)

    def go_on(self, messages: Messages, so_far: str, manner: Manner | None = None) -> Stream:
        """The rest of a reply of which `so_far` had arrived; all of it anew where `goes_on` says that it cannot."""
        if not self.goes_on or not so_far:
            return self._begin(messages, manner)
        return self._begin(messages, manner, so_far)

    def ask(self, messages: Messages, manner: Manner | None = None, *, tries: int = 1) -> Reply:
        """One reply, waited for; asked anew, up to `tries` times, where it broke off on the way."""
        while True:
            reply = self.stream(messages, manner).whole()
            tries -= 1
            if reply.trouble is None or not reply.trouble.broke or tries <= 0:
                return reply

    def _begin(self, messages: Messages, manner: Manner | None, so_far: str = "") -> Stream:
        wanted = manner or Manner()
        if self.row.stop:
            wanted = wanted.changed({"stop": (*self.row.stop, *(s for s in wanted.stop if s not in self.row.stop))})
        client, model, price = self._client(), self._model, self.row.price
        if self.prompt is not None:
            # A completion begins with a space, so what was said so far stands after one.
            prompt = self.prompt(messages) + (f" {so_far}" if so_far else "")
            return client.stream(model, (), wanted, prompt=prompt, going_on=bool(so_far), price=price)
        begun = [{"role": "assistant", "content": so_far}] if so_far else []
        return client.stream(model, [*messages, *begun], wanted, going_on=bool(so_far), price=price)

    def close(self) -> None:
        """Let go of the connection."""
        self._close()

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _Local:
    """The server of a local model, found again or started anew for every question: it may have stopped when idle."""

    def __init__(
        self,
        workspace: Workspace,
        row: SpeakerRow,
        progress: models.Progress | None,
        stop: Callable[[], bool],
        tell: Callable[[Loading], None],
    ) -> None:
        self._workspace, self._row, self._progress, self._stop, self._tell = workspace, row, progress, stop, tell
        self._opened: tuple[object, Client] | None = None
        self.model = row.name

    def client(self) -> Client:
        from core.chatting import doors, serving
        from core.chatting.client import Client

        row = self._row
        base = models.base_folder(self._workspace, row.base or row.name, self._progress)
        adapters = {row.name: models.named(self._workspace, row.name).folder} if row.kind == ADAPTER else {}
        label = row.base if row.base == models.MINI else Path(row.base).name
        folder = self._workspace.folder / SERVERS
        server = serving.start(folder, base, adapters, name=label, stop=self._stop, tell=self._tell)
        self.model = row.name if adapters else label
        if self._opened is None or self._opened[0] != server.process:
            self.close()
            self._opened = (server.process, Client(doors.of_server(server)))
            self._opened[1].wake()
        return self._opened[1]

    def close(self) -> None:
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None


def usual_manner(row: SpeakerRow) -> Manner:
    """How one is asked unless told otherwise: local models as chats are used to, others as their provider thinks."""
    return Manner() if row.kind == REMOTE else preset("usual").manner


def templates(workspace: Workspace) -> dict[str, Template]:
    """Questions with a hole in them by name: ours, and those beside the settings."""
    return load_templates(workspace.settings.file.parent / "templates")


def servers(workspace: Workspace) -> frozenset[Process]:
    """The model servers of this workspace that run now."""
    from core.chatting import serving

    return serving.processes(workspace.folder / SERVERS)


def stop_servers(workspace: Workspace, but: frozenset[Process] = frozenset()) -> bool:
    """Stop the model servers of this workspace, but for some; says whether any others ran."""
    from core.chatting import serving

    return serving.stop_servers(workspace.folder / SERVERS, but=but) > 0


def windowed(messages: Sequence[Mapping[str, str]], turns: int) -> list[Mapping[str, str]]:
    """The system prompt and the last turns of a conversation; 0 is all of them. It begins with a question."""
    system = [one for one in messages if one["role"] == "system"]
    spoken = [one for one in messages if one["role"] != "system"]
    kept = spoken[-turns:] if turns else spoken
    while len(kept) > 1 and kept[0]["role"] == "assistant":
        kept = kept[1:]
    return [*system, *kept]


def _row(workspace: Workspace, one: ModelRow) -> SpeakerRow:
    if one.kind == REMOTE:
        return _remote_row(workspace, one.name, one.base, one.dataset, one.details)
    told = _training(workspace, one.dataset)
    context = _context_of(workspace, one.base)
    return SpeakerRow(one.name, ADAPTER, one.base, one.dataset, **told, context=context, price=using.FREE)


def _remote_row(workspace: Workspace, name: str, base: str, dataset: str, details: Mapping[str, Any]) -> SpeakerRow:
    told = _training(workspace, dataset)
    if details.get("format") == "prompt-completion":
        stop = details.get("stop")
        told |= {"system": "", "shape": COMPLETION, "stop": (str(stop),) if stop else ()}
    ends = models.ends_of(workspace, name, str(details.get("shutdown_date") or ""))
    return SpeakerRow(name, REMOTE, base, dataset, **told, ends=ends)


def _priced(workspace: Workspace, row: SpeakerRow) -> SpeakerRow:
    return replace(row, price=_price(workspace, row.name)) if row.kind == REMOTE else row


def _base_row(workspace: Workspace, base: str, tuned: list[ModelRow]) -> SpeakerRow:
    # Asked as the newest model on it is: side by side, both hear the same.
    dataset = next((one.dataset for one in tuned if one.base == base), "")
    context = _context_of(workspace, base)
    return SpeakerRow(base, BASE, base, dataset, **_training(workspace, dataset), context=context, price=using.FREE)


def _context_of(workspace: Workspace, base: str) -> int:
    folder = models.tokenizer_folder(workspace, base)
    return _context(folder or Path(base))


def _training(workspace: Workspace, dataset: str) -> dict[str, Any]:
    """What the examples of a dataset were made with."""
    from core.dataset.recipe import Recipe
    from core.workspace import datasets

    if not dataset:
        return {}
    recipe = Recipe.from_dict(datasets.named(workspace, dataset).recipe)
    return {
        "system": recipe.system_prompt.replace("{persona}", recipe.persona),
        "separator": recipe.separator,
        "turns": recipe.context_turns,
    }


def _endpoint(workspace: Workspace, profile: str) -> Endpoint | None:
    """The endpoint of this name: the settings', or a well-known server at its usual port on this machine."""
    return workspace.settings.endpoints.get(profile) or finding.usual(profile)


def _prompts_of(workspace: Workspace, row: SpeakerRow) -> Callable[[Messages], str]:
    from core.dataset.recipe import Recipe
    from core.workspace import datasets

    if not row.dataset:
        return prompting.plain
    recipe = Recipe.from_dict(datasets.named(workspace, row.dataset).recipe)
    return prompting.writer(recipe, prompting.details_of(workspace, row.name))


def _price(workspace: Workspace, name: str) -> UsePrice | None:
    """What asking PROFILE:ID costs. A model's price is its provider's: the same name at somebody else's server has none,
    unless the own price file tells one, and a server on this machine costs nothing."""
    from core.counting import prices

    profile, _colon, model = name.partition(":")
    endpoint = _endpoint(workspace, profile)
    if endpoint is None:
        return None
    file = Path(workspace.settings.prices).expanduser() if workspace.settings.prices else None
    if file is not None and (own := using.own_use_price(model, prices.load_own(file))) is not None:
        return own
    if endpoint.kind in ("openai", "azure"):
        # Our list is OpenAI's: a tuned model at Azure is paid by the hour as well.
        return using.use_price(model, prices.load() if endpoint.kind == "openai" else None, provider=endpoint.kind)
    return using.FREE if endpoints.on_this_machine(endpoint.base_url) else None


def _context(folder: Path) -> int:
    """The tokens that a model can read, by its own config; 0 if it does not say."""
    try:
        told: Any = json.loads((folder / "config.json").read_bytes())
        return int(told.get("max_position_embeddings") or told.get("n_positions") or 0)
    except (OSError, ValueError, TypeError, AttributeError):
        return 0


__all__ = [
    "PARAMETERS", "PRESETS", "Alternative", "Cutter", "Figures", "Loading", "Manner", "Parameter", "Piece", "Preset",
    "Reply", "Speaker", "SpeakerRow", "Template", "Token", "Trouble", "open_speaker", "preset", "servers", "speaker_named",
    "speakers", "stop_servers", "templates", "usual_manner", "windowed",
]  # fmt: skip
