"""Which base model a name stands for, and which encoding it has. In: a model's name. Out: base and encoding.

tiktoken's own table is not used: by it `ft:gpt-4.1…` has the encoding of gpt-4 (cl100k_base; it is o200k_base), and
names after gpt-5 and tuned ones of gpt-5 are unknown.
"""

from __future__ import annotations

import re
from typing import Final

O200K: Final = "o200k_base"
CL100K: Final = "cl100k_base"
# The longest prefix wins.
_ENCODINGS: Final = {
    "gpt-3.5": CL100K, "gpt-35": CL100K, "gpt-4": CL100K, "gpt-4-": CL100K,
    "davinci-002": CL100K, "babbage-002": CL100K, "text-embedding-": CL100K,
    "gpt-4o": O200K, "gpt-4.1": O200K, "gpt-4.5": O200K, "chatgpt-4o": O200K,
    "gpt-5": O200K, "gpt-6": O200K, "gpt-oss": O200K, "o1": O200K, "o3": O200K, "o4": O200K,
}  # fmt: skip
_TUNED: Final = re.compile(r"ft:(?P<openai>[^:]+)(?::.*)?|(?P<azure>.+?)\.ft-[0-9a-z-]+(?::.*)?", re.IGNORECASE)


def base_of(model: str) -> str:
    """The base of a tuned model's name (`ft:gpt-4.1-mini-2025-04-14:org::id`, `gpt-4.1-2025-04-14.ft-…`), without a
    profile or vendor before it (`azure:…`, `openai/…`)."""
    name = model.strip()
    while True:
        found = _TUNED.fullmatch(name)
        if found:
            return (found["openai"] or found["azure"]).lower()
        head, mark, tail = name.partition(":")
        if not mark or "/" in head or not tail:
            break
        if _known(head.lower()):  # a name with something after it, such as a checkpoint
            return head.lower()
        name = tail
    return name.rpartition("/")[2].lower()


def _known(base: str) -> str | None:
    best = ""
    for prefix in _ENCODINGS:
        if base.startswith(prefix) and len(prefix) > len(best):
            rest = base[len(prefix) :]
            # gpt-4 is not gpt-42, o1 is not o12.
            if prefix.endswith("-") or not rest[:1].isdigit():
                best = prefix
    return _ENCODINGS[best] if best else None


def encoding_of(model: str) -> str | None:
    """The encoding that the model's tokens are counted by, None if the name is no known one."""
    return _known(base_of(model))
