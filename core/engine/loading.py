"""Opening a base model and its adapters: any causal model that transformers knows, from a folder or the model cache.

In: a folder or a name. Out: tokenizer and model, ready on the machine's device, and what is known of the base (its
fingerprint, its longest context). Weights are read as safetensors or not at all: pickles run code when they are opened.
No code from a model folder is ever run, and an adapter never chooses its base: whoever opens it does.
"""

# pyright: basic

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import torch
import transformers
from safetensors import SafetensorError

from core.engine.fetching import UNWANTED, WANTED, revision_of
from core.engine.machine import Machine
from core.engine.problems import ModelProblem as ModelProblem
from core.engine.problems import out_of_memory as out_of_memory
from core.engine.templates import ensure_template
from core.language import _

ADAPTER_WEIGHTS: Final = "adapter_model.safetensors"
ADAPTER_CONFIG: Final = "adapter_config.json"
LINEAGE: Final = "sinsonte.json"  # what an adapter says of itself: its base's fingerprint, template, end tokens
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.pickle")
_USUAL_CONTEXT: Final = 2048  # for the rare config that names no limit


@dataclass(frozen=True)
class Base:
    """What is known of a base model before it is opened."""

    name: str  # as people call it: the folder's name, or the name in the cache
    folder: Path
    sha256: str  # of its weight files, in order of their names


def find_base(named: str, beside: Path | None = None) -> Base:
    """The folder of a base model, checked: safetensors weights, no pickles instead of them, not an adapter."""
    folder = Path(named)
    if not folder.is_absolute() and beside is not None and (beside / folder).is_dir():
        folder = beside / folder
    label = folder.name
    if not folder.is_dir():
        folder, label = _cached(named), named
    if (folder / ADAPTER_CONFIG).exists():
        raise ModelProblem(
            "model-folder",
            _("This folder holds an adapter, not a base model."),
            where=label,
            advice=_("Name the base model that it was trained on."),
        )
    if not (folder / "config.json").is_file():
        raise ModelProblem(
            "model-folder",
            _("This folder holds no model: there is no config.json."),
            where=label,
            advice=_("Name a folder with config.json, a tokenizer and safetensors weights."),
        )
    found = sorted(folder.glob("*.safetensors"))
    weights = [file for file in found if not fnmatch.fnmatchcase(file.name, UNWANTED[1])] or found
    if not weights:
        if any(True for pattern in _PICKLES for _one in folder.glob(pattern)):
            raise ModelProblem(
                "weights-pickle",
                _("The weights of this model are pickle files, which can run code when they are opened."),
                where=label,
                advice=_("Get the model with safetensors weights, or convert it on a machine that you can lose."),
            )
        raise ModelProblem(
            "weights-missing",
            _("This model folder has no safetensors weights."),
            where=label,
            advice=_("Copy or download the model again."),
        )
    return Base(label, folder, fingerprint(weights))


def is_here(named: str, beside: Path) -> bool:
    """Whether a base is a folder, or whole in the model cache."""
    return Path(named).is_dir() or (beside / named).is_dir() or cached(named) is not None


def cached(named: str) -> Path | None:
    """The folder of a model that is whole in the model cache; nothing is asked of the network."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    name, revision = revision_of(named)
    try:
        found = snapshot_download(
            name,
            revision=revision,
            local_files_only=True,
            allow_patterns=list(WANTED),
            ignore_patterns=list(UNWANTED),
        )
    except (HFValidationError, FileNotFoundError):
        return None
    return Path(found)


def _cached(named: str) -> Path:
    folder = cached(named)
    if folder is None:
        raise ModelProblem(
            "model-folder",
            _("There is no such base model here."),
            where=named,
            advice=_("Name a model folder, or allow the download with allow_download=yes."),
        )
    return folder


def fingerprint(files: list[Path]) -> str:
    """One SHA-256 over files: their names and their bytes."""
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def load_tokenizer(folder: Path, *, label: str) -> Any:
    """The tokenizer of a folder, with a chat template (ours if it had none)."""
    try:
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True, use_fast=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelProblem(
            "model-folder",
            _("The tokenizer of this model cannot be opened ({reason}).").format(reason=type(error).__name__),
            where=label,
            advice=_("The folder needs the tokenizer files that came with the model."),
        ) from None
    ensure_template(tokenizer)
    return tokenizer


def load_model(
    base: Base, machine: Machine, *, half_weights: bool = False, four_bit: bool = False, wait: bool = False
) -> Any:
    """The model itself, on the device (`wait`: not yet)."""
    given: dict[str, Any] = {
        "use_safetensors": True,
        "trust_remote_code": False,
        "local_files_only": True,
        "dtype": torch.bfloat16 if half_weights else torch.float32,
    }
    if four_bit:
        given["quantization_config"] = _four_bit()
    try:
        try:
            model: Any = _open(base, given | {"attn_implementation": "sdpa"})
        except ValueError as error:
            if "attention" not in str(error).lower():
                raise
            model = _open(base, given | {"attn_implementation": "eager"})
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        if out_of_memory(error):
            raise
        cause = "weights-pickle" if "torch.load" in str(error) or "pickle" in str(error).lower() else "model-folder"
        raise ModelProblem(
            cause,
            _("This model cannot be opened ({reason}).").format(reason=type(error).__name__),
            where=base.name,
            advice=_("Its kind may be unknown here, or its files damaged; worker.log says more."),
        ) from error
    if model.get_output_embeddings() is None:
        raise ModelProblem(
            "model-folder",
            _("This model has no output layer, so it cannot speak."),
            where=base.name,
            advice=_("Choose a causal language model."),
        )
    missing = getattr(model, "_sinsonte_missing", None)
    if missing:
        raise ModelProblem(
            "weights-missing",
            _("The weight files lack {count} of this model's weights, such as {name}.").format(
                count=len(missing), name=missing[0]
            ),
            where=base.name,
            advice=_("Copy or download the model again."),
        )
    if four_bit:
        for module in model.modules():
            # On processors with bf16 the package repacks weights for inference in the middle of a training, when a
            # validation passes; the layers of a small model it cannot repack at all (bitsandbytes 0.50).
            if hasattr(module, "support_avx512bf16_for_cpu"):
                module.support_avx512bf16_for_cpu = False
    return model if four_bit or wait else model.to(machine.device)


def _open(base: Base, given: dict[str, Any]) -> Any:
    model, told = cast(
        "tuple[Any, dict[str, Any]]",
        transformers.AutoModelForCausalLM.from_pretrained(str(base.folder), output_loading_info=True, **given),
    )
    # transformers fills missing weights with noise and only warns.
    model._sinsonte_missing = sorted(str(key) for key in told.get("missing_keys", ()))
    return model


def _four_bit() -> Any:
    try:
        import bitsandbytes  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ModelProblem(
            "method",
            _("The method qlora needs the package bitsandbytes, which is not installed."),
            advice=_("Install it, or use method=lora."),
        ) from None
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def save_whole(model: Any, tokenizer: Any, base: Base, folder: Path, **how: Any) -> None:
    """Write a model that stands by itself, with all that other programs look for in its folder."""
    if model.config.model_type == "gpt2" and not hasattr(model.config, "n_ctx"):
        model.config.n_ctx = model.config.n_positions  # transformers 5 leaves it out, llama.cpp's converter asks for it
    model.save_pretrained(str(folder), safe_serialization=True, **how)
    tokenizer.save_pretrained(str(folder))
    vocabulary = base.folder / "tokenizer.model"  # of SentencePiece: only the fast tokenizer is saved, others read this
    if vocabulary.is_file():
        shutil.copyfile(vocabulary, folder / vocabulary.name)


def context_of(model_config: Any, tokenizer: Any) -> int:
    """The longest sequence that the model can read."""
    config = model_config.get_text_config()
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
    limits.append(getattr(tokenizer, "model_max_length", None))
    known = [int(limit) for limit in limits if isinstance(limit, int) and 0 < limit < 10_000_000]
    return min(known, default=_USUAL_CONTEXT)


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Every token that ends a reply: the model's, the tokenizer's, and the one that the chat template closes with."""
    ends: set[int] = set()
    told = getattr(model.generation_config, "eos_token_id", None)
    ends.update([told] if isinstance(told, int) else told or [])
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    from core.engine.masking import Masker

    seen = Masker(tokenizer, context=1 << 30).mask(
        [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "train": True}]}]
    )
    return ends | seen.end_tokens


def read_lineage(folder: Path) -> dict[str, Any]:
    """What an adapter says of itself; nothing if it does not (an adapter from elsewhere)."""
    try:
        told: Any = json.loads((folder / LINEAGE).read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


def check_adapter(folder: Path, base: Base) -> None:
    """Refuse an adapter without safetensors weights, or one that was trained on other weights than these."""
    if not (folder / ADAPTER_CONFIG).is_file():
        raise ModelProblem(
            "model-folder",
            _("This folder holds no adapter."),
            where=folder.name,
            advice=_("Name the folder with adapter_config.json."),
        )
    if not (folder / ADAPTER_WEIGHTS).is_file():
        pickled = any(True for pattern in _PICKLES for _one in folder.glob(pattern))
        raise ModelProblem(
            "weights-pickle" if pickled else "weights-missing",
            _("This adapter has no safetensors weights."),
            where=folder.name,
            advice=_("Pickle files (*.bin, *.pt, *.pkl) are never opened: they can run code."),
        )
    trained_on = str(read_lineage(folder).get("base_sha256") or "")
    if trained_on and trained_on != base.sha256:
        raise ModelProblem(
            "base-changed",
            _("This adapter was trained on other weights than those of {base}.").format(base=base.name),
            where=folder.name,
            advice=_("Name the base model that it was trained on."),
        )


def widen(model: Any, rows: int) -> None:
    """Make room for tokens that the base does not have, up to number `rows`; what is there stays as it is."""
    before = model.get_input_embeddings().weight.shape[0]
    if before >= rows:
        return
    model.resize_token_embeddings(rows, mean_resizing=False)
    with torch.no_grad():  # not by chance: a base that never saw the token is the same each time
        for layer in {model.get_input_embeddings(), model.get_output_embeddings()}:
            layer.weight[before:] = layer.weight[:before].mean(0)


def rows_of(adapter: Path) -> int:
    """How many tokens the model knew that an adapter was trained on; 0 where it does not say."""
    rows = read_lineage(adapter).get("vocabulary")
    return rows if isinstance(rows, int) and 0 < rows < 1 << 24 else 0


def put_on(model: Any, folder: Path, name: str, *, learning: bool = False, dropout: float = 0.0) -> Any:
    """The model with an adapter put on. The first makes it a PEFT model; later ones join. `learning`: to be trained
    further."""
    import peft
    from safetensors.torch import load_file

    try:
        config: Any = peft.PeftConfig.from_pretrained(str(folder))
        config.base_model_name_or_path = None  # the base is the one given, whatever the file says
        config.inference_mode = not learning
        if learning:
            config.lora_dropout = dropout
        widen(model, rows_of(folder))
        if isinstance(model, peft.PeftModel):
            model.add_adapter(name, config)
        else:
            model = peft.get_peft_model(model, config, adapter_name=name)
        weights = load_file(folder / ADAPTER_WEIGHTS)
        told: Any = peft.set_peft_model_state_dict(model, weights, adapter_name=name)
    except (ValueError, KeyError, TypeError, RuntimeError, OSError, SafetensorError) as error:
        raise ModelProblem(
            "model-folder",
            _("This adapter does not fit the base model ({reason}).").format(reason=type(error).__name__),
            where=folder.name,
            advice=_("Name the base model that it was trained on."),
        ) from error
    if told.unexpected_keys:
        raise ModelProblem(
            "model-folder",
            _("This adapter does not fit the base model ({reason}).").format(reason=_("unknown weights")),
            where=folder.name,
            advice=_("Name the base model that it was trained on."),
        )
    model.eval()
    return model
