"""Where other parsers read the same export differently, and why: the list, as rules that explain a difference or do not.

`python -m bench.reading.differences [SEED]` reads generated exports with ours and with each peer
(bench/reading/peers.py), prints how often each rule explained something, and exits 1 when a difference is explained by
none. Every message counts, with author, time and text; direction marks and outer blanks are forgiven, as the peers strip
them. A test runs whatsapp-chat-parser's part. whatstk and chat-miner are given talk without anything hard in it: on hard
files whatstk raises in all but one of 36 ways of writing (`month must be in 1..12`, for a header quoted inside a
message), and chat-miner on a line like `28/6/2023 12:30 nos vemos`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bench.reading.generator import generate
from bench.reading.peers import Peer, peers
from core.chat import Mark, local_iso
from core.reading import read_export

_MARKS = dict.fromkeys((0xFEFF, 0x200B, 0x200E, 0x200F, 0x2060, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_HEADER = re.compile(r"(?:^|\n)\s*\[?\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}[, ]")


class Said(NamedTuple):
    """A message, as both sides can be compared."""

    author: str
    when: str  # YYYY-MM-DD HH:MM:SS
    text: str
    marks: int = 0

    def bare(self) -> Said:
        """Without what is not compared."""
        return Said(self.author.translate(_MARKS).strip(), self.when, self.text.translate(_MARKS).strip())


# The list: what a peer does. Each is a way to make of our message what the peer makes of the same lines.
EDITED = "keeps the edit notice in the text; we take it off and mark the message"
COLON = "takes `Dr. López` for the author of `Dr. López: Cardio: hola`; we learn the name from the file"
TOLD = 'takes `Ana changed the subject from "A` for an author; we keep a system line'
GROUP = "takes iOS's system lines for words of the group; we keep system lines"
HEADER = "takes a line such as `28/6/2023 12:30 nos vemos` inside a message for a header of its own"
DATE = "takes the day for the month where a quoted header says so; we ask the real headers alone"
CLOCK = "reads `下午2:05` as five past two at night; we read 14:05"
NOBODY = "leaves out lines without a sender; we keep them as system lines"
BLANKS = "joins the lines of a message by blanks; we keep the line breaks"
NPM = "whatsapp-chat-parser (npm)"
EXPLAINED = {
    NPM: {EDITED, COLON, TOLD, GROUP, HEADER, DATE, CLOCK},
    "whatstk": {NOBODY, GROUP},
    "chat-miner": {NOBODY, GROUP, BLANKS},
}


def _times(when: str) -> Iterator[tuple[set[str], str]]:
    at = datetime.fromisoformat(when)
    swapped = datetime(at.year + (at.day - 1) // 12, (at.day - 1) % 12 + 1, at.month, at.hour, at.minute, at.second)
    yield set(), when
    yield {DATE}, str(swapped)
    half = timedelta(hours=12 if at.hour < 12 else -12)  # five past twelve at night becomes five past noon
    yield {CLOCK}, str(at + half)
    yield {DATE, CLOCK}, str(swapped + half)


def _speakers(said: Said) -> Iterator[tuple[set[str], str, str]]:
    yield set(), said.author, said.text
    name, colon, rest = said.author.partition(": ")
    if colon:
        yield {COLON}, name, f"{rest}: {said.text}".strip()
        for blank in "\n\t ":  # which bare() has taken from our text, and not from theirs
            yield {COLON}, name, f"{rest}: {blank}{said.text}"
    name, colon, rest = said.text.partition(": ")
    if not said.author:
        yield {GROUP}, "Los de siempre", said.text
        if colon:
            yield {TOLD}, name, rest.strip()
    if "\n" in said.text:
        yield {BLANKS}, said.author, " ".join(said.text.split("\n"))


def _twin(said: Said, theirs: Mapping[tuple[str, str], Counter[str]]) -> tuple[set[str], Said] | None:
    """What the peer made of our message, and the differences that it takes."""
    for late, when in _times(said.when):
        for spoken, author, text in _speakers(said):
            for other, count in theirs.get((author, when), Counter()).items():
                if count <= 0:
                    continue
                more: set[str] | None = None
                if other == text:
                    more = set()
                elif said.marks & Mark.EDITED and other.startswith(text):
                    more = {EDITED}
                elif _HEADER.search(f"\n{text}") and text.startswith(other):
                    more = {HEADER}
                if more is not None:
                    return late | spoken | more, Said(author, when, other)
    return None


class Compared(NamedTuple):
    """What a comparison came to."""

    same: int
    explained: Counter[str]
    unexplained: list[str]


def compare(name: str, peer: Peer, export: Path) -> Compared:
    """Read one export with both, and explain what differs."""
    done = subprocess.run(peer(export), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.strip("\n").split("\n")[-1])
    theirs: dict[tuple[str, str], Counter[str]] = {}
    for author, when, text in told:
        said = Said(author or "", when, text).bare()
        theirs.setdefault((said.author, said.when), Counter())[said.text] += 1
    same = 0
    odd: list[Said] = []
    for batch in read_export(export):
        for one in batch.messages:
            said = Said(one.author, local_iso(one.sent_at).replace("T", " "), one.text).bare()._replace(marks=one.marks)
            if theirs.get((said.author, said.when), Counter())[said.text] > 0:
                theirs[said.author, said.when][said.text] -= 1
                same += 1
            else:
                odd.append(said)
    explained: Counter[str] = Counter()
    unexplained: list[str] = []
    quoting: list[str] = []
    for said in odd:
        twin = _twin(said, theirs)
        if twin is not None and twin[0] <= EXPLAINED[name]:
            theirs[twin[1].author, twin[1].when][twin[1].text] -= 1
            explained.update(twin[0])
            quoting.append(said.text)
        elif not said.author and NOBODY in EXPLAINED[name]:
            explained[NOBODY] += 1
        else:
            unexplained.append(f"only ours: {said}")
    for (author, when), texts in theirs.items():
        for text in (+texts).elements():
            # What a peer has besides is the end of a message that it cut in two at a quoted header.
            cut = HEADER in EXPLAINED[name] and any(one.endswith(text) and _HEADER.search(one) for one in quoting)
            if not cut:
                unexplained.append(f"only theirs: {Said(author, when, text)}")
    return Compared(same, explained, unexplained)


LOCALES = ("android-es-AR", "android-es-US", "android-de", "android-ja", "ios-es", "ios-en-US", "ios-pt-BR")


def main() -> int:
    """Compare with every peer; 1 when something is not explained."""
    bad = 0
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    for name, peer in peers().items():
        plain = name != NPM
        for locale in ("android-es-AR", "android-en-GB", "ios-pt-BR") if plain else LOCALES:
            with tempfile.TemporaryDirectory() as folder:
                export = Path(folder) / "WhatsApp Chat with X.txt"
                export.write_bytes(generate(locale, 1500, seed, plain=plain)[0])
                found = compare(name, peer, export)
            print(f"{name}, {locale}: {found.same:,} messages alike, others explained:")
            for why, count in found.explained.most_common():
                print(f"  {count:6,}  {why}")
            for one in found.unexplained[:10]:
                print(f"  NOT EXPLAINED  {one[:200]}")
            bad += len(found.unexplained)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
