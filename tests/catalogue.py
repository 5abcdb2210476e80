"""The Spanish catalogue: `python -m tests.catalogue` says what is missing or unused, and compiles what is there.

The texts are in the code, in English; each room has its Spanish in `core/locale/es/ROOM.po`. All rooms are compiled
into one `core/locale/es/LC_MESSAGES/sinsonte.mo`, which is committed, so that nobody needs a tool to read Spanish.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from core.commands import click_words

ROOT = Path(__file__).parent.parent
SPANISH = ROOT / "core" / "locale" / "es"
COMPILED = SPANISH / "LC_MESSAGES" / "sinsonte.mo"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}

MessageId = str | tuple[str, str]


def texts_in_code() -> dict[MessageId, str]:
    """Every text for people that the code holds, with the first place where it stands."""
    found: dict[MessageId, str] = {}
    for folder in ("core", "tui"):
        for name, line, message, _comments, _context in extract_from_dir(
            str(ROOT / folder), method_map=[("**.py", "python")], keywords=KEYWORDS
        ):
            key: MessageId = (message[0], message[1]) if isinstance(message, tuple) else message
            found.setdefault(key, f"{folder}/{name}:{line}")
    for module in click_words.MODULES:  # click's own words are said by our catalogue too
        file = str(module.__file__)
        for line, message, _comments, _context in extract_from_file("python", file, keywords=KEYWORDS):
            key = (message[0], message[1]) if isinstance(message, tuple) else message
            found.setdefault(key, f"{module.__name__}:{line}")
    return found


def rooms() -> Iterator[tuple[Path, Catalog]]:
    """Each room's catalogue."""
    for file in sorted(SPANISH.glob("*.po")):
        with file.open("rb") as source:
            yield file, read_po(source, locale="es")


def spanish() -> dict[MessageId, tuple[str, ...]]:
    """Every translation of every room; two rooms may hold the same text if they agree on its Spanish."""
    translated: dict[MessageId, tuple[str, ...]] = {}
    for file, catalogue in rooms():
        for message in catalogue:
            if not message.id:
                continue
            key: MessageId = (message.id[0], message.id[1]) if isinstance(message.id, (tuple, list)) else message.id
            value = tuple(message.string) if isinstance(message.string, (tuple, list)) else (message.string or "",)
            if message.fuzzy or not all(value):
                continue
            if translated.setdefault(key, value) != value:
                raise SystemExit(f"{file.name}: {key!r} has two translations")
    return translated


def compiled() -> bytes:
    """All rooms as one .mo file."""
    # Dates of today would change the bytes of a catalogue that did not change.
    day = datetime(2026, 1, 1, tzinfo=UTC)
    whole = Catalog(locale="es", charset="utf-8", fuzzy=False, creation_date=day, revision_date=day)
    for key, value in sorted(spanish().items(), key=lambda item: str(item[0])):
        whole.add(key, value if isinstance(key, tuple) else value[0])
    out = io.BytesIO()
    write_mo(out, whole)
    return out.getvalue()


def missing() -> dict[MessageId, str]:
    """Texts of the code without Spanish."""
    known = spanish()
    return {key: place for key, place in texts_in_code().items() if key not in known}


def unused() -> list[MessageId]:
    """Spanish for texts that the code no longer has."""
    used = texts_in_code()
    return [key for key in spanish() if key not in used]


def main() -> int:
    COMPILED.parent.mkdir(parents=True, exist_ok=True)
    COMPILED.write_bytes(compiled())
    without = missing()
    for key, place in without.items():
        print(f"missing  {place}  {key!r}")
    for key in unused():
        print(f"unused   {key!r}")
    print(f"{len(texts_in_code())} texts, {len(without)} without Spanish; wrote {COMPILED.relative_to(ROOT)}")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
