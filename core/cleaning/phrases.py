"""What apps write in place of a message, as whole bodies. A second net: readers tell kinds apart already.

Compared with the whole body, never with a part of it: "added" or "omitido" inside a sentence is real talk. Bodies are
compared before any normalisation, for `end-to-end` must not become `end to end` first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Direction marks and their like; not U+200D, which holds family emoji together. A pattern: `str.translate` looks every
# letter up and takes ten times as long.
INVISIBLE: Final = re.compile("[\ufeff\u200b\u200e\u200f\u2060\u061c\u202a-\u202e\u2066-\u2069]+")

_MEDIA: Final = """
<multimedia omitido>|multimedia omitido|<archivo omitido>|<media omitted>|media omitted|<mídia oculta>|<médias omis>
imagen omitida|foto omitida|video omitido|vídeo omitido|audio omitido|sticker omitido|gif omitido|documento omitido
tarjeta de contacto omitida|figurita omitida|nota de video omitida|nota de voz omitida|null
image omitted|video omitted|audio omitted|sticker omitted|gif omitted|document omitted|contact card omitted
video note omitted|voice message omitted|photo omitted
"""
_DELETED: Final = """
se eliminó este mensaje|eliminaste este mensaje|este mensaje fue eliminado|mensaje eliminado
this message was deleted|you deleted this message|message deleted|mensagem apagada|essa mensagem foi apagada
"""
_CALLS: Final = """
llamada perdida|llamada de voz perdida|videollamada perdida|llamada de video perdida|sin respuesta
missed voice call|missed video call|missed group voice call|missed group video call|no answer
missed voice call. tap to call back|missed video call. tap to call back
"""
BODIES: Final[Mapping[str, str]] = {
    phrase: rule
    for rule, table in (("media", _MEDIA), ("deleted", _DELETED), ("calls", _CALLS))
    for line in table.split("\n")
    for phrase in line.split("|")
    if phrase
}
# Long notices whose end changes with the version of the app. They must begin the body and end a sentence there.
NOTICES: Final = (
    "los mensajes y las llamadas están cifrados de extremo a extremo",
    "los mensajes y llamadas están cifrados de extremo a extremo",
    "messages and calls are end-to-end encrypted",
    "messages to this chat and calls are now secured with end-to-end encryption",
    "as mensagens e as chamadas são protegidas com a criptografia de ponta a ponta",
)
SHAPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("media", re.compile(r"[^\n]{0,200} • [^\n]{1,40}(?:documento omitido|document omitted)", re.IGNORECASE)),
    ("media", re.compile(r"[^\n]{1,200}\.\w{2,5} \((?:archivo adjunto|file attached)\)", re.IGNORECASE)),
    ("media", re.compile(r"<(?:adjunto|attached): [^\n>]{1,300}>", re.IGNORECASE)),
    ("calls", re.compile(r"(?:llamada de voz|videollamada|voice call|video call)\. [^\n]{1,40}", re.IGNORECASE)),
)
# `(?<!\s)\s*` begins at the first blank of a run only: without it a message of blanks costs the square of its length.
EDIT_NOTICE: Final = re.compile(r"(?<!\s)\s*<(?:se editó este mensaje|this message was edited)\.?>\s*\Z", re.IGNORECASE)
ATTACHMENT: Final = re.compile(r"(?<!\s)\s*<(?:adjunto|attached): [^\n>]{1,300}>", re.IGNORECASE)


# How every body, shape and notice begins, but for the shapes that hold "•" or "(" and may begin with anything.
_HEADS: Final = frozenset(
    one[:4] for one in (*BODIES, *NOTICES, "<adjunto", "<attached", "llamada", "videollamada", "voice", "video")
)


def rule_of(body: str) -> str:
    """The rule that a whole body falls under, "" for real talk."""
    if len(body) > 400 or not body:
        return ""
    # Nearly every body is told from a phrase by its first four letters; marks and blanks before a phrase are no letters.
    head = body[:4]
    if head.isalpha() and head.casefold()[:4] not in _HEADS and "•" not in body and "(" not in body:
        return ""
    plain = (body if body.isascii() else INVISIBLE.sub("", body)).strip().casefold()
    found = BODIES.get(plain.rstrip(".")) or BODIES.get(plain)
    if found:
        return found
    # All shapes and notices hold one of these; asking for them first makes the common case five times cheaper.
    if "<" in plain or "(" in plain or "•" in plain or ". " in plain:
        for rule, shape in SHAPES:
            if shape.fullmatch(plain):
                return rule
    if plain.startswith(NOTICES):
        return "system" if any(_says(plain, notice) for notice in NOTICES) else ""
    return ""


def _says(plain: str, notice: str) -> bool:
    return plain.startswith(notice) and plain[len(notice) :][:1] in ("", ".")
