"""Writes conversations as the apps export them: WhatsApp of three phones, Telegram, a two-actor CSV, chat rows.

In: messages with their times (`talk.Sent`). Out: the bytes or the text of an export. It knows nothing of the readers
that will read them: each writer imitates what an app writes, so that the real readers are put to work.

No clock, no locale, no zone; zips are stored, since compressed bytes differ from one zlib to the next.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Final

from sample_chats.talk import OWNER, Sent, Talk


def android(chat: Iterable[Sent]) -> str:
    """Android in Spanish, 24 hours: `12/06/26, 22:14 - Nico: dale`."""
    return "".join(
        f"{m.at:%d/%m/%y, %H:%M} - {m.author + ': ' if m.author else ''}{m.text}\n" for m in chat
    )  # %d %m %y %H %M are digits in every locale


def twelve(at: datetime) -> int:
    return at.hour % 12 or 12


def android_en(chat: Iterable[Sent]) -> str:
    """Android in English, 12 hours, month first, a narrow no-break space before PM."""
    return "".join(
        f"{m.at.month}/{m.at.day}/{m.at:%y}, {twelve(m.at)}:{m.at:%M}\u202f{'AM' if m.at.hour < 12 else 'PM'} - "
        f"{m.author + ': ' if m.author else ''}{m.text}\n"
        for m in chat
    )


def ios(chat: Iterable[Sent]) -> str:
    """iOS in Spanish: `[12/6/26, 10:14:05 p. m.] Ana: hola`, U+202F and U+00A0 in the hour, U+200E before notices."""
    told: list[str] = []
    for m in chat:
        half = "a.\u00a0m." if m.at.hour < 12 else "p.\u00a0m."
        mark = "\u200e" if "\u200e" in m.text and "<Se editó" not in m.text else ""
        stamp = f"{m.at.day}/{m.at.month}/{m.at:%y}, {twelve(m.at)}:{m.at:%M:%S}\u202f{half}"
        told.append(f"{mark}[{stamp}] {m.author}: {m.text}\n")
    return "".join(told)


def stored_zip(files: Sequence[tuple[str, str]]) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, text in files:
            entry = zipfile.ZipInfo(name, (2026, 6, 12, 22, 30, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode())
    return made.getvalue()


def actors_csv(talks: Iterable[Talk], human: str, other: str) -> str:
    """Two actors, `;`, a row of `###` between conversations; a turn is a cell, quoted where it must be."""

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if re.search(r'[;"\n]', text) else text

    rows = [f"{human};{other}"]
    for talk in talks:
        for asked, answered in zip(talk[::2], talk[1::2], strict=True):
            rows.append(f"{cell(asked.text)};{cell(answered.text)}")
        rows.append("###;")
    return "\ufeff" + "\r\n".join(rows) + "\r\n"


def chat_rows(talks: Iterable[Talk], human: str) -> list[dict[str, Any]]:
    system = "Sos un oráculo de entrecasa: breve, amable y un poco misterioso."
    rows: list[dict[str, Any]] = []
    for talk in talks:
        spoken = [{"role": "user" if m.author == human else "assistant", "content": m.text} for m in talk]
        rows.append({"messages": [{"role": "system", "content": system}, *spoken]})
    return rows


def jsonl(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


TELEGRAM_EXTRAS: Final[tuple[tuple[int, str, dict[str, Any]], ...]] = (
    (3, OWNER, {"file": "(File not included. Change data exporting settings to download.)", "media_type": "sticker",
                "sticker_emoji": "🍅", "text": ""}),
    (9, "Bruno", {"file": "(File not included. Change data exporting settings to download.)",
                  "media_type": "voice_message", "mime_type": "audio/ogg", "duration_seconds": 12, "text": ""}),
    (15, "Bruno", {"photo": "(File not included. Change data exporting settings to download.)", "width": 1280,
                   "height": 960, "text": "La primera frutilla."}),
    (21, "Bruno", {"forwarded_from": "Vivero El Farol", "text": "Plantines de lavanda a mitad de precio."}),
    (27, OWNER, {"edited": True, "text": "Nos vemos a las seis, perdón, a las siete."}),
    (33, "Bruno", {"text": ["El plano está en ", {"type": "link", "text": "https://huerta.example/plano"},
                            " y lo ", {"type": "bold", "text": "importante"}, " está en rojo."]}),
    (39, OWNER, {"text": ["Escríbale a ", {"type": "email", "text": "ana@huerta.example"}, " o al ",
                          {"type": "phone", "text": "+1 202 555 0187"}, "."]}),
    (45, "Bruno", {"location_information": {"latitude": -38.0, "longitude": -50.0}, "text": ""}),
)  # fmt: skip


def telegram(chats: Iterable[Sent]) -> str:
    """A personal chat as the desktop app exports it; the phone stands three hours west of Greenwich."""
    ids = {OWNER: "user1000002", "Bruno": "user1000001"}
    extras = {number: (author, fields) for number, author, fields in TELEGRAM_EXTRAS}

    def when(prefix: str, at: datetime) -> dict[str, str]:
        unix = int((at - datetime(1970, 1, 1)).total_seconds()) + 3 * 3600
        return {prefix: at.isoformat(), f"{prefix}_unixtime": str(unix)}

    messages: list[dict[str, Any]] = []

    def add(at: datetime, author: str, fields: dict[str, Any]) -> None:
        entry: dict[str, Any] = {"id": len(messages) + 1, "type": "message", **when("date", at)}
        rest = dict(fields)
        if rest.pop("edited", False):
            entry |= when("edited", at + timedelta(seconds=40))
        entry |= {"from": author, "from_id": ids[author], **rest}
        parts = rest["text"] if isinstance(rest["text"], list) else [rest["text"]] if rest["text"] else []
        entry["text_entities"] = [{"type": "plain", "text": p} if isinstance(p, str) else p for p in parts]
        messages.append(entry)

    for number, m in enumerate(chats):
        if number == 0:
            service = {"actor": "Bruno", "actor_id": ids["Bruno"], "action": "phone_call", "duration_seconds": 95}
            first = m.at - timedelta(hours=5)
            messages.append(
                {"id": 1, "type": "service", **when("date", first), **service, "text": "", "text_entities": []}
            )
        add(m.at, m.author, {"text": m.text})
        if number in extras:
            add(m.at + timedelta(seconds=1), *extras[number])
    whole = {"name": "Bruno", "type": "personal_chat", "id": 1000001, "messages": messages}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"
