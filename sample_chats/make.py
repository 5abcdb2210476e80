"""Writes the sample chats: fictional people, places and events, made for this project.

In: the hand-written lines in `lines/`, by way of `talk`. Out, by way of `exports`: the export files beside this script,
`voices.json` (who speaks in which file, and what the embedded model is fed) and the measured tables of README.md.

    python -m sample_chats.make [FOLDER]     from the root of the project; FOLDER is this one unless told otherwise

The same bytes on any machine.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from sample_chats.exports import actors_csv, android, android_en, chat_rows, ios, jsonl, stored_zip, telegram
from sample_chats.talk import (
    HERE,
    OWNER,
    TOPICS,
    Said,
    Scene,
    Sent,
    Talk,
    between,
    capital,
    chance,
    contracted,
    conversation,
    draw,
    formal,
    grammar,
    mixed,
    nico_voice,
    scripted,
    shuffled,
    sprinkled,
    timed,
)

# Of Nico's conversations, the earliest, those that the base model hears: one in six of its diet. With fewer its
# tokenizer has to spell his words and the tuned model garbles them: perplexity of the held-out replies after tuning was
# 21 with 60, 12 with 240, 8 with 480 (and 14 topics); with 480 and the six topics of today 2.5, with 600: 2.2.
BASE_SHARE: Final = 600


def nico_chat() -> list[list[Sent]]:
    rng = Random(1)
    voice = nico_voice(grammar("nico.txt"), set())
    talks = [conversation(rng, "Nico", voice, starts=0.22) for _number in range(720)]
    notices = (
        (0.02, "Nico", "<Multimedia omitido>"),
        (0.01, OWNER, "<Multimedia omitido>"),
        (0.008, "Nico", "Se eliminó este mensaje."),
        (0.005, OWNER, "Eliminaste este mensaje."),
        (0.006, "Nico", "Llamada de voz perdida"),
    )
    talks = sprinkled(rng, talks, notices)
    names = {"O": OWNER, "N": "Nico", "S": ""}
    first, *specials = scripted("nico_specials.txt", names)
    hand = scripted("nico_by_hand.txt", names)
    return timed(rng, [first, *mixed(rng, talks, shuffled(rng, [*specials, *hand]))])


def captain_chat() -> list[list[Sent]]:
    rng = Random(2)
    voice = formal(grammar("capitana.txt"))
    talks = [conversation(rng, "Capitana", voice) for _number in range(1500)]
    mark = "\u200e"
    notices = (
        (0.008, "Capitana", f"{mark}imagen omitida"),
        (0.004, "Capitana", f"{mark}audio omitido"),
        (0.004, OWNER, f"{mark}sticker omitido"),
        (0.002, "Capitana", f"{mark}Videollamada perdida"),
        (0.002, "Capitana", f"{mark}Llamada de voz. 5 min"),
        (0.003, OWNER, f"{mark}Eliminaste este mensaje."),
        (0.003, "Capitana", f"{mark}Se eliminó este mensaje."),
        (0.003, "Capitana", f"Zarpo al amanecer, o a media mañana. {mark}<Se editó este mensaje.>"),
        (0.002, "Capitana", f"{mark}Tarjeta de contacto omitida"),
        (0.002, "Capitana", f"carta náutica.pdf • 3 páginas {mark}documento omitido"),
    )
    talks = sprinkled(rng, talks, notices)
    notice = (
        "Los mensajes y las llamadas están cifrados de extremo a extremo. "
        "Solo las personas en este chat pueden leerlos, escucharlos o compartirlos."
    )
    talks[0].insert(0, Said("Capitana", f"{mark}{notice}"))
    talks[5].append(Said("Capitana", f"{mark}<adjunto: 00000031-bitacora.txt>"))
    talks[9].append(Said("Capitana", "Orden del día:\n\n1. Baldear la cubierta.\n2. Escribirle a usted."))
    return timed(rng, talks)


def vera_chat() -> list[list[Sent]]:
    rng = Random(3)
    voice = formal(grammar("vera.txt"))
    talks = [conversation(rng, "Vera", voice) for _number in range(1500)]
    notices = (
        (0.008, "Vera", "<Media omitted>"),
        (0.003, "Vera", "This message was deleted"),
        (0.003, OWNER, "You deleted this message"),
        (0.003, "Vera", "Missed voice call"),
        (0.003, "Vera", "La biblioteca cierra a las ocho, no a las siete. <This message was edited>"),
        (0.002, "Vera", "location: https://maps.example/?q=-38.000000,-50.000000"),
        (0.002, "Vera", "POLL:\n¿Qué leemos en el taller?\nOPTION: Cuentos (4 votes)\nOPTION: Poesía (3 votes)"),
    )
    talks = sprinkled(rng, talks, notices)
    notice = (
        "Messages and calls are end-to-end encrypted. "
        "Only people in this chat can read, listen to, or share them. Learn more."
    )
    talks[0].insert(0, Said("", notice))
    return timed(rng, talks)


def group_chat() -> list[list[Sent]]:
    rng = Random(4)
    names = {"A": "Ana", "B": "Bruno", "O": OWNER, "V": "Vera", "L": "Lula 🌻", "T": "Tadeo"}
    scenes = scripted("group.txt", names)
    told = grammar("group_rounds.txt")
    rounds: list[Talk] = []
    for _number in range(28):
        things = {part: draw(rng, told[f"all.{part}"]) for part in ("crop", "tool", "day")}
        who = shuffled(rng, names.values())
        lines = [draw(rng, told["all.first"]), *shuffled(rng, told["all.answer"])[: between(rng, 2, 4)]]
        lines = [capital(contracted(line.format_map(things))) for line in (*lines, draw(rng, told["all.last"]))]
        rounds.append([Said(who[0] if i == len(lines) - 1 else who[i], line) for i, line in enumerate(lines)])
    # Tadeo comes in by the second scene: what is made by grammar stands after it.
    later = scenes[3:]
    for talk in rounds:
        later.insert(between(rng, 0, len(later) - 1), talk)
    gone = next(i for i, talk in enumerate(later) if talk[0].text == "Tadeo salió del grupo")
    back = next(i for i, talk in enumerate(later) if talk[0].text == "Bruno añadió a Tadeo")
    later.insert(gone + 1, later.pop(back))  # nobody writes in a group that they have left
    return timed(rng, [*scenes[:3], *later])


def oracle_talks(seed: int, count: int) -> list[Talk]:
    rng = Random(seed)
    voice = formal(grammar("oracle_rounds.txt"))
    talks: list[Talk] = []
    for _number in range(count):
        scene = Scene(rng, "oráculo")
        talk: Talk = []
        for part in ("opening", *(("doubt",) if chance(rng, 0.75) else ()), *(("doubt",) if chance(rng, 0.3) else ())):
            asked = capital(scene.own(TOPICS, part))
            if talk and asked in (said.text for said in talk):
                continue
            talk += [Said("Caminante", asked), Said("Oráculo", " ".join(voice(scene, "solve")))]
        talks.append(talk)
    return talks


def telegram_chat() -> list[list[Sent]]:
    rng = Random(6)
    voice = formal(grammar("vera.txt"))
    return timed(rng, [conversation(rng, "Bruno", voice) for _number in range(24)])


def flat(talks: Iterable[Sequence[Sent]]) -> list[Sent]:
    return [message for talk in talks for message in talk]


def measured(talks: Sequence[Sequence[Sent]], author: str) -> dict[str, Any]:
    """What the table says of one voice: turns are runs of its messages within a conversation."""
    turns: list[tuple[str, ...]] = []
    for talk in talks:
        run: list[str] = []
        for message in (*talk, None):
            if message is not None and message.author == author:
                run.append(message.text)
            elif run:
                turns.append(tuple(run))
                run = []
    texts = [text for turn in turns for text in turn]
    seen = Counter(turns)
    lengths = sorted(len(text) for text in texts)
    return {
        "turns": len(turns),
        "distinct_turns": len(seen),
        "repeated_turns_percent": round(100 * sum(n for n in seen.values() if n > 1) / len(turns), 1),
        "words": len({word for text in texts for word in re.findall(r"\w+", text.lower())}),
        "length_median": lengths[len(lengths) // 2],
        "length_p95": lengths[len(lengths) * 95 // 100],
        "burst_sizes": {str(size): n for size, n in sorted(Counter(len(turn) for turn in turns).items())},
    }


def everything() -> dict[str, bytes]:
    """Every file by its name."""
    nico, captain, vera, group, bruno = nico_chat(), captain_chat(), vera_chat(), group_chat(), telegram_chat()
    oracle = scripted("oracle.txt", {"Q": "Caminante", "A": "Oráculo"})
    told = oracle_talks(5, 90)
    rows = chat_rows([talk for talk in oracle if all(said.text for said in talk)] + oracle_talks(7, 24), "Caminante")
    # The first answer of this row is context, not a lesson: weight 0 says so.
    rows[0]["messages"][2]["weight"] = 0
    check = chat_rows(oracle_talks(8, 14), "Caminante")
    check[next(i for i, row in enumerate(check) if len(row["messages"]) > 3)]["messages"][2]["weight"] = 0
    log = "Cuaderno de bitácora (inventado). Día 1: mar en calma. Día 2: el loro aprendió a pedir galletas.\n"
    names = {
        "nico": "Chat de WhatsApp con Nico.txt",
        "captain": "Chat de WhatsApp - Capitana.zip",
        "vera": "WhatsApp Chat with Vera.txt",
        "group": "Chat de WhatsApp con Huerta de la terraza.txt",
    }
    texts = {
        names["nico"]: android(flat(nico)),
        names["vera"]: android_en(flat(vera)),
        names["group"]: android(flat(group)),
        "oraculo.csv": actors_csv([*oracle, *told], "Caminante", "Oráculo"),
        "result.json": telegram(flat(bruno)),
        "oraculo_train.jsonl": jsonl(rows),
        "oraculo_validation.jsonl": jsonl(check),
    }
    files = {name: text.encode() for name, text in texts.items()}
    files[names["captain"]] = stored_zip([("_chat.txt", ios(flat(captain))), ("00000031-bitacora.txt", log)])
    telegram_messages = len(json.loads(texts["result.json"])["messages"])
    counts = [
        (names["nico"], "Nico", len(nico), len(flat(nico))),
        (names["captain"], "Capitana", len(captain), len(flat(captain))),
        (names["vera"], "Vera", len(vera), len(flat(vera))),
        (names["group"], "", len(group), len(flat(group))),
        ("oraculo.csv", "Oráculo", len(oracle) + len(told), sum(1 for t in [*oracle, *told] for m in t if m.text)),
        ("result.json", "Bruno", len(bruno), telegram_messages),
        ("oraculo_train.jsonl", "Oráculo", len(rows), sum(len(row["messages"]) for row in rows)),
        ("oraculo_validation.jsonl", "Oráculo", len(check), sum(len(row["messages"]) for row in check)),
    ]
    voices = {
        "fictional": True,
        "owner": OWNER,
        "persona": "Nico",
        "persona_file": names["nico"],
        "base": {"files": [names["vera"], names["captain"]], "persona_conversations": BASE_SHARE},
        "files": [
            {"file": f, "voice": v, "conversations": c, "messages": m, "bytes": len(files[f])} for f, v, c, m in counts
        ],
        "voices": {
            name: measured(talks, name) for name, talks in (("Nico", nico), ("Capitana", captain), ("Vera", vera))
        },
    }
    files["voices.json"] = (json.dumps(voices, ensure_ascii=False, indent=1) + "\n").encode()
    files["README.md"] = readme(voices).encode()
    return files


def readme(voices: dict[str, Any]) -> str:
    """README.md with the measured tables between its two marks."""
    head, _, rest = (HERE / "README.md").read_text(encoding="utf-8").partition("<!-- measured -->")
    _, _, tail = rest.partition("<!-- /measured -->")
    table = ["| file | conversations | messages | bytes |", "|---|---|---|---|"]
    table += [f"| `{f['file']}` | {f['conversations']} | {f['messages']} | {f['bytes']:,} |" for f in voices["files"]]
    table += ["", "| voice | turns | distinct | said more than once | words | letters a message | messages a turn |"]
    table += ["|---|---|---|---|---|---|---|"]
    for name, m in voices["voices"].items():
        bursts = ", ".join(f"{size}: {n}" for size, n in m["burst_sizes"].items())
        table.append(
            f"| {name} | {m['turns']} | {m['distinct_turns']} | {m['repeated_turns_percent']} % | {m['words']} "
            f"| {m['length_median']} ({m['length_p95']}) | {bursts} |"
        )
    return f"{head}<!-- measured -->\n" + "\n".join(table) + f"\n<!-- /measured -->{tail}"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in everything().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
