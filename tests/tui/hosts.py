"""What the tests of the workbench share: a workspace with chats in it, and the screen as text."""

from __future__ import annotations

import gettext
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from core import language
from core.chat import Chat, Kind, Mark, Message
from core.workspace.opening import Workspace, open_workspace
from tests import catalogue

START = 1_750_000_000  # Sunday 15 June 2025, 15:06:40 of somebody's clock


def workspace_with(folder: Path, *chats: tuple[str, Sequence[Message]]) -> Workspace:
    """A workspace whose store was given these messages, as an import gives them."""
    from core.store import chats as stored
    from core.store.intake import Intake
    from core.workspace import revision

    workspace = open_workspace(folder)
    for title, messages in chats:
        with workspace.store.write() as change:
            chat_id, key = stored.upsert(change, Chat(title, "whatsapp"), 0)
            intake = Intake(change, chat_id, key)
            intake.add(list(messages))
            intake.finish()
            revision.move(change)
    return workspace


def a_conversation() -> list[Message]:
    """Two people over two days: turns, a pause, a picture, a deleted message, an edit, a long message."""
    lines: list[tuple[str, int, Kind, str, int]] = [
        ("", 0, Kind.SYSTEM, "Los mensajes están cifrados de extremo a extremo.", 0),
        ("Vera Ríos", 10, Kind.TEXT, "hola, ¿cómo va todo?", 0),
        ("Vera Ríos", 25, Kind.TEXT, "¿venís mañana?", 0),
        ("Nico", 90, Kind.TEXT, "¡dale! 🥹", 0),
        ("Nico", 95, Kind.MEDIA, "<Multimedia omitido>", 0),
        ("Nico", 200, Kind.DELETED, "", 0),
        ("Vera Ríos", 20_000, Kind.TEXT, "llego a las nueve", Mark.EDITED),
        ("Nico", 20_060, Kind.TEXT, "mirá lo que dijo mi tía", Mark.FORWARDED),
        ("Vera Ríos", 90_000, Kind.TEXT, "la receta: harina, tres huevos, un vaso de leche y azúcar; " * 3, 0),
        ("Nico", 90_030, Kind.CALL, "Llamada perdida", 0),
    ]
    return [
        Message(author, START + at, kind, text, marks, n + 1) for n, (author, at, kind, text, marks) in enumerate(lines)
    ]


def many(count: int) -> list[Message]:
    """A long chat."""
    return [
        Message("Vera Ríos" if n % 5 else "Nico", START + n * 40, Kind.TEXT, f"mensaje {n}", 0, n + 1)
        for n in range(count)
    ]


def an_export(folder: Path, lines: int = 6, name: str = "Chat de WhatsApp con Nico.txt") -> Path:
    """A small export of WhatsApp."""
    said = ["hola", "¿cómo va?", "todo bien", "¿venís?", "dale", "nos vemos"]
    people = ("Nico", "Vera Ríos")
    file = folder / name
    file.write_text(
        "".join(
            f"{1 + n // 1440 % 28}/{1 + n // 40320}/25, {n // 60 % 24:02}:{n % 60:02} - {people[n % 2]}: {said[n % 6]}\n"
            for n in range(lines)
        ),
        encoding="utf-8",
    )
    return file


def screen_text(app: App[int]) -> str:
    """What is on the screen, without colours and trailing blanks."""
    strips = app.screen._compositor.render_strips(app.size)  # pyright: ignore[reportPrivateUsage]
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def until(pilot: Pilot[int], words: str, seconds: float = 10.0) -> str:
    """Wait until the words are on the screen; returns it."""
    for _turn in range(int(seconds / 0.05)):
        await pilot.pause()
        text = screen_text(pilot.app)
        if words in text:
            return text
        await pilot.pause(0.05)
    raise AssertionError(f"“{words}” never came; the screen is:\n{screen_text(pilot.app)}")


def speak_spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spanish as the rooms' catalogues have it now, compiled or not."""
    monkeypatch.setattr(language, "_current", [gettext.GNUTranslations(io.BytesIO(catalogue.compiled()))])
