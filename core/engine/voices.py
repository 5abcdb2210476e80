"""Who can be asked for: one base and any number of adapters over one copy of its weights.

In: a base and adapter folders. Out: a `House` of `Voice`s, and the model set to the voice that is to speak. Which voice
speaks is a state of the whole model, so a house belongs to one thread at a time (core/engine/turns.py). What an adapter
was trained with is asserted before it is let in: the base's weights, the chat template, the separator of messages, the
end tokens.
"""

# pyright: basic

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import peft

from core.engine import loading
from core.engine.loading import Base
from core.engine.machine import Machine, this_machine
from core.engine.problems import ModelProblem
from core.engine.templates import mark_of, tokens_of
from core.language import _

_WIDTHS: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1}
_HEADER: Final = 64 << 20


@dataclass
class Voice:
    """One name that can be asked for."""

    name: str
    adapter: str | None  # its name within the model; None: the base
    tokenizer: Any
    ends: set[int]
    context: int
    made: int = field(default_factory=lambda: int(time.time()))


class House:
    """The model and its voices."""

    def __init__(self, base: Base, model: Any, voice: Voice) -> None:
        self.base, self.model = base, model
        self.voices = {voice.name: voice}
        self._first = voice
        self._now: Voice | None = None
        self._made = 0

    def speak_as(self, voice: Voice) -> Any:
        """The model set to this voice. Costs nothing when it is set already."""
        if self._now is voice:
            return self.model
        self._now = None
        if isinstance(self.model, peft.PeftModel):
            layers: Any = self.model.base_model
            if voice.adapter is None:
                layers.disable_adapter_layers()
            else:
                layers.enable_adapter_layers()
                self.model.set_adapter(voice.adapter, inference_mode=True)
        self._now = voice
        return self.model

    def let_in(self, name: str, folder: Path) -> Voice:
        """Put an adapter on."""
        if name in self.voices:
            raise ModelProblem("exists", _("There is a voice of this name already."), where=name)
        loading.check_adapter(folder, self.base)
        self._now = None
        self._made += 1
        inner = f"adapter_{self._made}"  # a name that a module may bear; the outer one is free
        has_own = (folder / "tokenizer_config.json").is_file()
        tokenizer = loading.load_tokenizer(folder, label=name) if has_own else self._first.tokenizer
        told = loading.read_lineage(folder)
        _assert_words(told, tokenizer, name)
        self.model = loading.put_on(self.model, folder, inner)
        if self.model.peft_config[inner].is_prompt_learning:
            self.model.delete_adapter(inner)
            raise ModelProblem(
                "model-folder", _("This kind of adapter cannot be served."), where=name, advice=_("Merge it first.")
            )
        own = told.get("end_tokens", [])
        ends = {one for one in own if isinstance(one, int)} if isinstance(own, list) else set[int]()
        voice = Voice(name, inner, tokenizer, ends or self._first.ends, self._first.context)
        self.voices[name] = voice
        return voice

    def let_go(self, name: str) -> None:
        """Take an adapter off; the base stays."""
        voice = self.voices.get(name)
        if voice is None or voice.adapter is None:
            raise ModelProblem("model-folder", _("There is no adapter of this name."), where=name)
        del self.voices[name]
        self._now = None
        self.model.delete_adapter(voice.adapter)


def open_house(base_named: str, name: str, adapters: dict[str, Path], *, threads: int = 0) -> House:
    """Load the base and put its adapters on."""
    machine = this_machine(threads=threads)
    half = machine.device.type == "cuda" and machine.half
    if Path(base_named).is_dir():
        assert_room(Path(base_named), machine, half=half)  # before its weights are read through for their fingerprint
    base = loading.find_base(base_named)
    tokenizer = loading.load_tokenizer(base.folder, label=base.name)
    _assert_words(loading.read_lineage(base.folder), tokenizer, base.name)
    for folder in adapters.values():
        loading.check_adapter(folder, base)
    model = loading.load_model(base, machine, half_weights=half)
    model.eval()
    ends = loading.end_tokens(model, tokenizer)
    context = loading.context_of(model.config, tokenizer)
    house = House(base, model, Voice(name or base.name, None, tokenizer, ends, context))
    for adapter, folder in adapters.items():
        house.let_in(adapter, folder)
    return house


def assert_room(folder: Path, machine: Machine, *, half: bool) -> None:
    """Refuse a model that would not fit: the system would end this process, or stall the machine, without a word."""
    needed = sum(_parameters(file) for file in folder.glob("*.safetensors")) * (2 if half else 4)
    if needed > machine.memory_bytes:
        raise ModelProblem(
            "memory",
            _("This model needs about {needed} GiB of memory; {free} GiB are free.").format(
                needed=f"{needed / 2**30:.1f}", free=f"{machine.memory_bytes / 2**30:.1f}"
            ),
            where=folder.name,
            advice=_("Choose a smaller base, free memory, or use a machine with a larger GPU."),
        )


def _parameters(file: Path) -> int:
    """How many numbers a weight file holds, by its header."""
    try:
        with file.open("rb") as weights:
            size = int.from_bytes(weights.read(8), "little")
            header: Any = json.loads(weights.read(min(size, _HEADER)))
        total = 0
        for name, told in header.items():
            if name != "__metadata__":
                first, last = told["data_offsets"]
                total += (last - first) // _WIDTHS.get(told["dtype"], 1)
        return total
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0  # a file that cannot be read is the loader's to refuse


def _assert_words(told: dict[str, Any], tokenizer: Any, name: str) -> None:
    """Refuse a tokenizer that would not write the conversation, or part its messages, as the training did."""
    trained = told.get("template_sha256")
    if trained and trained != mark_of(tokenizer):
        raise ModelProblem(
            "template-changed",
            _("The chat template of this model is not the one that it was trained with."),
            where=name,
            advice=_("Put the tokenizer files of the training back, or train again."),
        )
    separator, pieces = told.get("separator"), told.get("separator_tokens")
    if isinstance(separator, str) and separator and pieces and pieces != tokens_of(tokenizer, separator):
        raise ModelProblem(
            "separator-changed",
            _("The separator of messages is not the token that this model was trained with."),
            where=name,
            advice=_("Put the tokenizer files of the training back, or train again."),
        )
