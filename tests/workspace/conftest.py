"""A workspace with two small WhatsApp chats in it, read and stored by the real parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from core.workspace import chats
from core.workspace.opening import Workspace, open_workspace

TOPICS = ("el asado", "la mudanza", "el parcial", "la bici", "el perro", "la lluvia", "el colectivo", "la torta")


def export_with(conversations: int, other: str = "Lía") -> str:
    """An Android export: a conversation a day of four turns, the replies of Nico in bursts."""
    lines = ["01/03/25, 09:00 - Los mensajes y las llamadas están cifrados de extremo a extremo."]
    for n in range(conversations):
        day = f"{n % 28 + 1:02d}/{n // 28 % 12 + 1:02d}/{25 + n // 336}"
        topic = TOPICS[n % len(TOPICS)]
        lines += [
            f"{day}, 20:0{n % 10} - {other}: Nico, ¿cómo va {topic} número {n} de {other}?",
            f"{day}, 20:1{n % 10} - Nico: jaja re bien {n} 😂 {other}",
            f"{day}, 20:1{n % 10} - Nico: ya casi termino con {topic}, posta {n * 7}",
            f"{day}, 20:2{n % 10} - {other}: Qué bueno, ¿entonces mañana nos vemos a las {n % 12} con {other}?",
            f"{day}, 20:3{n % 10} - Nico: dale, tranqui {n}, {other}",
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The first chat's file."""
    file = tmp_path / "Chat de WhatsApp con Lía.txt"
    file.write_text(export_with(40), encoding="utf-8")
    return file


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with nothing in it."""
    with open_workspace(tmp_path / "workspace", Settings(tmp_path / "none.toml")) as workspace:
        yield workspace


@pytest.fixture
def workspace(empty: Workspace, export: Path, tmp_path: Path) -> Workspace:
    """A workspace with two chats, Nico the persona."""
    second = tmp_path / "Chat de WhatsApp con Tomi.txt"
    second.write_text(export_with(12, "Tomi").replace("/25,", "/26,"), encoding="utf-8")
    chats.import_file(empty, export, me="Nico")
    chats.import_file(empty, second)
    return empty
