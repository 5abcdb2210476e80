"""The two public vocabularies, without a network: from the package bpe-openai, which ships them.

In: an encoding's name. Out: a function that counts tokens, and tiktoken's own `Encoding`, the reference, built from the
shipped file once its hash is proven. Nothing is written anywhere, and nothing is loaded before it is needed.

Measured cold, o200k_base: tiktoken is ready after 0.44 s. The package's compiled part is ready after 0.09 s when it is
loaded alone (0.7 s through the package) and counts short texts 1.3 times as fast, with equal counts.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.language import _
from core.problem import Problem

if TYPE_CHECKING:
    import tiktoken

HASHES: Final = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
# How each encoding cuts text before its vocabulary is applied: part of the format, as the vocabulary is.
_ENDINGS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_PATTERNS: Final = {
    "cl100k_base": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k_base": rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_ENDINGS}"
    rf"|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_ENDINGS}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
# The compiled part's `count` is private: it is used for the one version for which its counts were proven equal
# (tests/counting/test_vocabulary.py), and tiktoken for any other.
PROVEN: Final = "0.1.4"
_PROBE: Final = ("¿Cómo andás, che? Jajaja 👨‍👩‍👧 12345 <|endoftext|>\r\n  ok", {"cl100k_base": 33, "o200k_base": 29})
# It refuses texts of more than 200,000 tokens, and a character is at most four.
_LONGEST: Final = 50_000
_loading: Final = threading.Lock()


def _package() -> Path:
    # Found, not imported: the package's own import loads a third vocabulary and costs 0.7 s.
    spec = importlib.util.find_spec("bpe_openai")
    if spec is None or not spec.submodule_search_locations:
        raise Problem(
            _("The vocabularies are not installed, so tokens cannot be counted."),
            advice=_("Install the package bpe-openai, which ships them."),
        )
    return Path(next(iter(spec.submodule_search_locations)))


def ranks(name: str) -> dict[bytes, int]:
    """The vocabulary: the bytes of each token, and its number."""
    try:
        data = gzip.decompress((_package() / "data" / f"{name}.tiktoken.gz").read_bytes())
    except (OSError, EOFError) as error:
        raise Problem(
            _("The vocabulary {name} cannot be read.").format(name=name),
            advice=_("Install the package bpe-openai again."),
        ) from error
    if hashlib.sha256(data).hexdigest() != HASHES[name]:
        raise Problem(
            _("The vocabulary {name} is not the one that its publisher made.").format(name=name),
            advice=_("Install the package bpe-openai again."),
        )
    found: dict[bytes, int] = {}
    decode = base64.b64decode
    for line in data.splitlines():
        token, _space, rank = line.partition(b" ")
        found[decode(token)] = int(rank)
    return found


def encoding(name: str) -> tiktoken.Encoding:
    """The reference encoding, built once."""
    with _loading:
        return _encoding(name)


@cache
def _encoding(name: str) -> tiktoken.Encoding:
    import tiktoken

    # No special tokens: what people write is never one.
    return tiktoken.Encoding(name, pat_str=_PATTERNS[name], mergeable_ranks=ranks(name), special_tokens={})


def well_formed(text: str) -> str:
    """The text with half emoji replaced, as tiktoken does: they have no bytes to count."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@cache
def _binding() -> Any:
    try:
        if importlib.metadata.version("bpe-openai") != PROVEN:
            return None
    except importlib.metadata.PackageNotFoundError:
        return None
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        place = _package() / f"_bindings{suffix}"
        if place.is_file():
            spec = importlib.util.spec_from_file_location("bpe_openai._bindings", place)
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    return None


@cache
def counting(name: str) -> Callable[[str], int]:
    """A function that counts a text's tokens under this encoding, exactly, as ordinary text."""
    with _loading:
        binding = _binding()
        quick: Callable[[str], int] | None = None if binding is None else binding.tokenizer_for_encoding(name).count
    text, counts = _PROBE
    if quick is None or quick(text) != counts[name]:
        return _by_reference(name)
    count = quick

    def counted(text: str) -> int:
        if len(text) > _LONGEST:
            return len(encoding(name).encode_ordinary(text))
        try:
            return count(text)
        except UnicodeEncodeError:
            return count(well_formed(text))

    return counted


def _by_reference(name: str) -> Callable[[str], int]:
    encode = encoding(name).encode_ordinary
    return lambda text: len(encode(text))
