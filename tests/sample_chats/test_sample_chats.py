"""The sample chats are what their README promises: reproducible, fictional, and full of what real exports hold."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "sample_chats"
NICO = FOLDER / "Chat de WhatsApp con Nico.txt"
CAPTAIN = FOLDER / "Chat de WhatsApp - Capitana.zip"
VERA = FOLDER / "WhatsApp Chat with Vera.txt"
GROUP = FOLDER / "Chat de WhatsApp con Huerta de la terraza.txt"
ANDROID = re.compile(r"^(\d\d/\d\d/\d\d, \d\d:\d\d) - (?:(Nico|Ofelia): )?(.*)$")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def captain_text() -> str:
    with zipfile.ZipFile(CAPTAIN) as archive:
        return archive.read("_chat.txt").decode()


def voices() -> dict[str, Any]:
    return json.loads(text_of(FOLDER / "voices.json"))


def nico_conversations() -> list[list[tuple[datetime, str, str]]]:
    """Cut where three hours pass without a word."""
    talks: list[list[tuple[datetime, str, str]]] = []
    last = datetime(2000, 1, 1)
    for line in text_of(NICO).split("\n"):
        found = ANDROID.match(line)
        if found:
            at = datetime.strptime(found[1], "%d/%m/%y, %H:%M")
            if at - last > timedelta(hours=3):
                talks.append([])
            talks[-1].append((at, found[2] or "", found[3]))
            last = at
    return talks


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made_again")
    # Another hash seed, zone and locale than the session's: none of them may reach the bytes.
    told = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-m", "sample_chats.make", str(folder)], check=True, env=told, cwd=FOLDER.parent)
    return folder


def test_the_script_writes_the_files_that_lie_here_byte_for_byte(made_again: Path) -> None:
    names = {path.name for path in made_again.iterdir()}
    here = {p.name for p in FOLDER.iterdir() if p.is_file() and p.suffix != ".py" and not p.name.startswith(".")}
    assert names == here
    for name in sorted(names):
        assert (made_again / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_all_of_it_is_said_to_be_fictional_in_both_languages() -> None:
    readme = text_of(FOLDER / "README.md")
    assert "Everything here is fictional" in readme
    assert "Todo lo que hay aquí es ficción" in readme
    assert voices()["fictional"] is True


def test_readme_names_every_file() -> None:
    readme = text_of(FOLDER / "README.md")
    for entry in voices()["files"]:
        assert f"`{entry['file']}`" in readme
        assert (FOLDER / entry["file"]).stat().st_size == entry["bytes"]


def test_no_phone_address_or_link_can_reach_anybody() -> None:
    texts = [text_of(path) for path in FOLDER.iterdir() if path.suffix in {".txt", ".csv", ".json", ".jsonl"}]
    whole = "\n".join([*texts, captain_text()])
    phones = re.findall(r"\+\d[\d ]{6,}\d", whole)
    assert phones and all(re.fullmatch(r"\+1 202 555 01\d\d", phone) for phone in phones)
    hosts = re.findall(r"https?://([^/\s\"]+)", whole) + re.findall(r"[\w.]+@([\w.]+\w)", whole)
    assert hosts and all(host.endswith(".example") for host in hosts)


@pytest.mark.parametrize(
    "feature",
    [
        " - Los mensajes y las llamadas están cifrados de extremo a extremo.",
        " - Nico: <Multimedia omitido>\n",
        " - Nico: Se eliminó este mensaje.\n",
        " - Ofelia: Eliminaste este mensaje.\n",
        " <Se editó este mensaje.>\n",
        " - Nico: Llamada de voz perdida\n",
        " - Llamada de voz perdida\n",
        " - Nico: Videollamada perdida\n",
        "budín:\n\n4 huevos\n",
        "https://ejemplo.example/",
        "taller@barriletes.example",
        "+1 202 555 0134",
        " - Nico: a las 22:10 - dale\n",
        " - Nico: hola: todo bien?",
        "👨‍👩‍👧‍👦",
        " - Nico: ubicación: https://maps",
        " - Nico: Vera.vcf (archivo adjunto)\n",
        " - Nico: ENCUESTA:\n",
    ],
)
def test_nicos_chat_holds(feature: str) -> None:
    assert feature in text_of(NICO)


def test_nicos_conversations_stand_apart_and_are_short() -> None:
    talks = nico_conversations()
    assert len(talks) == next(f["conversations"] for f in voices()["files"] if f["voice"] == "Nico") > 700
    for talk in talks:
        assert all(later[0] >= earlier[0] for earlier, later in pairwise(talk))
        assert talk[-1][0] - talk[0][0] < timedelta(hours=1)
    assert talks[-1][-1][0] - talks[0][0][0] > timedelta(days=700)
    gaps = [later[0][0] - earlier[-1][0] for earlier, later in pairwise(talks)]
    assert max(gaps) > timedelta(days=10), "a holiday without a word"


def test_nico_seldom_repeats_a_turn_and_writes_in_bursts() -> None:
    nico = voices()["voices"]["Nico"]
    assert nico["distinct_turns"] > 600
    assert nico["repeated_turns_percent"] < 25
    several = sum(n for size, n in nico["burst_sizes"].items() if int(size) > 1)
    assert several > nico["turns"] / 2


def test_the_voices_can_be_told_apart() -> None:
    said = [text for talk in nico_conversations() for _at, author, text in talk if author == "Nico"]
    asked = [text for talk in nico_conversations() for _at, author, text in talk if author == "Ofelia"]
    notices = ("<", "Se ", "Llamada", "Video", "ENCUESTA", "Vera.vcf", "Eliminaste")
    small = [text for text in said if not text.startswith(notices)]
    assert sum(text[:1].isupper() for text in small) < len(small) / 100
    assert sum(text.lstrip("¿¡«")[:1].isupper() for text in asked) > len(asked) * 0.98
    assert not re.search(r"\bofe\b|jaja", captain_text() + text_of(VERA))


def test_the_base_has_enough_of_the_neutral_voice_and_of_the_captain() -> None:
    told = voices()
    counts = {entry["file"]: entry["conversations"] for entry in told["files"]}
    assert all(counts[name] >= 1500 for name in told["base"]["files"])
    fed = sum(counts[name] for name in told["base"]["files"]) + told["base"]["persona_conversations"]
    assert 0.1 < told["base"]["persona_conversations"] / fed < 0.2


def test_the_base_hears_none_of_the_conversations_that_the_demo_holds_out() -> None:
    told = voices()
    count = next(entry["conversations"] for entry in told["files"] if entry["file"] == told["persona_file"])
    # The last tenth is held out; between it and what the base hears there is room for another share or a purge gap.
    assert told["base"]["persona_conversations"] < count * 0.8


def test_every_topic_has_thirty_templates_a_side() -> None:
    parts: dict[str, dict[str, int]] = {}
    for path in (FOLDER / "lines").glob("*.txt"):
        counted = parts.setdefault(path.stem, {})
        part = ""
        for line in text_of(path).split("\n"):
            if line.startswith("["):
                part = line.strip("[]")
            elif line and not line.startswith("# "):
                counted[part] = counted.get(part, 0) + 1

    def general(stem: str) -> int:
        return sum(n for part, n in parts[stem].items() if part.startswith("all."))

    topics = {part.split(".")[0] for part in parts["topics"]}
    assert len(topics) == 6
    for topic in topics:
        asked = parts["topics"][f"{topic}.opening"] + parts["topics"][f"{topic}.doubt"]
        assert asked + general("ofelia") >= 30
        for voice in ("nico", "vera", "capitana"):
            own = sum(n for part, n in parts[voice].items() if part.startswith(f"{topic}."))
            assert own + parts["topics"][f"{topic}.advice"] + general(voice) >= 30


def test_forty_conversations_of_nico_are_written_by_hand() -> None:
    told = text_of(FOLDER / "lines" / "nico_by_hand.txt")
    assert len([talk for talk in told.split("\n\n") if "N: " in talk]) >= 40


def test_the_captains_export_looks_like_a_phones() -> None:
    text = captain_text()
    assert re.search(r"^\[\d+/\d+/26, 1?\d:\d\d:\d\d\u202fp\.\u00a0m\.\] Ofelia: ", text, re.M)
    assert re.search(r", 12:\d\d:\d\d\u202fa\.\u00a0m\.\]", text), "midnight is 12 a. m."
    assert re.search(r"^\u200e\[.+\] Capitana: \u200eimagen omitida$", text, re.M)
    assert "\u200e<adjunto: 00000031-bitacora.txt>" in text
    with zipfile.ZipFile(CAPTAIN) as archive:
        assert archive.testzip() is None
        assert "00000031-bitacora.txt" in archive.namelist()


def test_veras_export_is_english_and_month_first() -> None:
    text = text_of(VERA)
    assert re.search(r"^\d{1,2}/(1[3-9]|2\d|3[01])/26, 1?\d:\d\d\u202fPM - Vera: ", text, re.M)
    for feature in ("<Media omitted>", "This message was deleted", "<This message was edited>", "POLL:\n"):
        assert feature in text


def test_the_group_has_its_system_lines() -> None:
    text = text_of(GROUP)
    assert ' - Bruno creó el grupo "Huerta: la terraza"\n' in text
    assert ' - Ana cambió el asunto de "Huerta: los tomates" a "Los de la terraza"\n' in text
    assert " - Tadeo salió del grupo\n" in text
    assert " - Bruno añadió a Ana\n" in text
    writers = set(re.findall(r"^\d\d/\d\d/\d\d, \d\d:\d\d - ([^:]+): ", text, re.M))
    assert {"Ana", "Bruno", "Ofelia", "Vera", "Lula 🌻", "Tadeo"} <= writers
    gone = text[text.index("Tadeo salió") : text.index("Bruno añadió a Tadeo")]
    assert "- Tadeo:" not in gone
    assert 150 <= next(f["messages"] for f in voices()["files"] if f["file"] == GROUP.name) <= 300


def test_the_csv_has_two_actors_and_conversations() -> None:
    raw = (FOLDER / "oraculo.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";", strict=True))
    assert rows[0] == ["Caminante", "Oráculo"]
    assert all(len(row) == 2 for row in rows)
    exchanges = [row for row in rows[1:] if row[0] != "###"]
    assert len(exchanges) >= 150
    assert any("\n" in cell for row in exchanges for cell in row)
    assert any(not row[0] for row in exchanges) and any(not row[1] for row in exchanges)


def test_the_telegram_export_has_the_fields_of_real_ones() -> None:
    whole = json.loads(text_of(FOLDER / "result.json"))
    messages = whole["messages"]
    assert whole["type"] == "personal_chat"
    assert any(m["type"] == "service" for m in messages)
    assert {m.get("media_type") for m in messages} >= {"sticker", "voice_message"}
    for field in ("forwarded_from", "edited_unixtime", "photo", "location_information"):
        assert any(field in m for m in messages), field
    assert any(isinstance(m["text"], list) for m in messages)
    for m in messages:
        plain = (
            m["text"]
            if isinstance(m["text"], str)
            else "".join(t if isinstance(t, str) else t["text"] for t in m["text"])
        )
        assert "".join(e["text"] for e in m["text_entities"]) == plain
        # Three hours west: the local reading and the moment agree.
        assert (
            int(m["date_unixtime"]) - 3 * 3600
            == (datetime.fromisoformat(m["date"]) - datetime(1970, 1, 1)).total_seconds()
        )


@pytest.mark.parametrize("name", ["oraculo_train.jsonl", "oraculo_validation.jsonl"])
def test_the_chat_rows_end_with_an_answer_and_one_answer_has_no_weight(name: str) -> None:
    rows = [json.loads(line) for line in text_of(FOLDER / name).splitlines()]
    assert len(rows) >= 12
    for row in rows:
        roles = [m["role"] for m in row["messages"]]
        assert roles[0] == "system" and roles[1] == "user" and roles[-1] == "assistant"
        assert row["messages"][-1].get("weight", 1) == 1
    assert sum(m.get("weight") == 0 for row in rows for m in row["messages"]) == 1


def test_all_files_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 4 << 20
