"""The words that WhatsApp itself writes into an export: placeholders, notices, system lines.

In: the catalogues beside this module (`es.toml`, `en.toml`, ...) and, if there is one, a folder of the user's own.
Out: a `Phrases`, which says what kind of line a text is. A phrase counts only as the whole body of a message or of a
line without a sender, never inside somebody's words. Holes in a phrase: `{who}` a name, `{file}` a file name,
`{link}` an address, `{length}` a duration, `{time}` a time of day, `{title}` a chat's title, `{...}` anything.

Phrases are compared without capitals, direction marks, special spaces and the final full stop; the text itself is never
changed. Knows nothing of headers or files.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

from core.chat import Kind, Mark
from core.language import _
from core.problem import Problem

_FOLDER: Final = Path(__file__).parent
_LISTS: Final = (
    "titles", "encryption", "media", "attached", "deleted", "edited", "call", "location", "poll", "system", "activity",
)  # fmt: skip
_HOLES: Final = {
    "who": r".{1,100}?",
    "file": r"[^\n<>]{1,255}?\.\w{1,8}",
    "link": r"https?://\S+",
    "length": r"\d[\d:.,]{0,10}(?:\s?[^\W\d]{1,10}\.?)?(?:,?\s\d{1,4}\s?[^\W\d]{1,10}\.?){0,2}",
    "time": r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s?[ap]\.?\s?m\.?)?",
    "title": r".+",
    "...": r".+",
}
_HOLE: Final = re.compile(r"\{(who|file|link|length|time|title|\.\.\.)\}")
_DROPPED: Final = dict.fromkeys(
    (0xFEFF, 0x200B, 0x200E, 0x200F, 0x2060, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
_SPACES: Final = dict.fromkeys((0xA0, 0x202F, 0x2009, 0x2007, 0x3000), " ")
_PLAIN: Final = {**_DROPPED, **_SPACES}
_ODD: Final = re.compile("[" + "".join(map(chr, _PLAIN)) + "]")
_LRM: Final = "\u200e"
_OPENING: Final = 8
_LONGEST: Final = 1000  # no line that WhatsApp writes is longer; what is longer is somebody's words


def plain(text: str) -> str:
    """The text for comparing: without direction marks, every space a plain one. Joiners stay: they make emoji."""
    # str.translate costs 40 times what the search does, and most texts have nothing to translate.
    return text.translate(_PLAIN) if not text.isascii() and _ODD.search(text) else text


def _key(text: str) -> str:
    return plain(text).strip().removesuffix(".").rstrip().casefold()


class Pattern(NamedTuple):
    """A phrase with holes."""

    kind: Kind
    language: str
    start: str  # what it begins with, if not with a hole
    literal: str  # its longest part without holes, casefolded: looked for first, 20 times cheaper than the pattern
    source: str

    @property
    def regex(self) -> re.Pattern[str]:
        """Compiled when first asked for: all of them would cost as much as reading 10,000 messages."""
        return _compiled(self.source)


class Found(NamedTuple):
    """What a body was recognised as."""

    kind: Kind
    text: str
    marks: int
    language: str


@dataclass(slots=True)
class Phrases:
    """All catalogues, ready to ask."""

    whole: dict[str, tuple[Kind, str]] = field(default_factory=dict[str, tuple[Kind, str]])
    told: dict[str, str] = field(default_factory=dict[str, str])  # whole system lines: nobody says them
    patterns: list[Pattern] = field(default_factory=list[Pattern])  # placeholders with holes
    attached: list[Pattern] = field(default_factory=list[Pattern])  # searched: a caption may stand around it
    edited: dict[str, str] = field(default_factory=dict[str, str])
    system: dict[str, list[Pattern]] = field(default_factory=dict[str, list[Pattern]])  # by language
    encryption: dict[str, str] = field(default_factory=dict[str, str])  # literal beginning to language
    activities: list[Pattern] = field(default_factory=list[Pattern])  # what Messenger and Instagram write as messages
    titles: list[re.Pattern[str]] = field(default_factory=list[re.Pattern[str]])
    starts: frozenset[bytes] = frozenset()  # the first four bytes of phrases with holes
    heads: frozenset[bytes] = frozenset()  # of those and of the table's, with and without capitals
    table: dict[bytes, tuple[Kind, str]] = field(default_factory=dict[bytes, tuple[Kind, str]])
    notices: list[str] = field(default_factory=list[str])  # as `encryption`, with capitals
    _openings: set[str] = field(default_factory=set[str])
    _activity_words: set[str] = field(default_factory=set[str])
    _any_activity: bool = False

    def body(self, text: str) -> Found | None:
        """What the whole body of a sender's message is, if it is not simply words."""
        marks = 0
        language = ""
        if text.rstrip("\u200e\u2069 ").endswith(">"):
            text, language = self._without_edit_notice(text)
            marks = Mark.EDITED if language else 0
        found = self._placeholder(text)
        if found:
            return Found(found[0], text, marks, found[1])
        return Found(Kind.TEXT, text, marks, language) if marks else None

    def _without_edit_notice(self, text: str) -> tuple[str, str]:
        start = text.rfind("<")
        language = self.edited.get(_key(text[start:])) if start > 0 else None
        if not language:
            return text, ""
        words = text[:start].removesuffix(_LRM)
        return words[:-1] if words.endswith((" ", "\u00a0")) else words, language

    def _placeholder(self, text: str) -> tuple[Kind, str] | None:
        first, _newline, rest = text.partition("\n")
        if len(first) <= _LONGEST:
            found = self.whole.get(_key(first))
            if found and (not rest or found[0] is Kind.MEDIA):  # a caption stands below its medium
                return found
        if _LRM in text:
            found = self.whole.get(_key(text[text.rfind(_LRM) :]))
            if found and found[0] is Kind.MEDIA:  # "name.pdf • 3 pages ‎document omitted"
                return found
        if "(" in text or "<" in text:
            for line in (first, text[text.rfind("\n") + 1 :] if rest else ""):
                if line and (match := self._matching(self.attached, line, search=True)):
                    return Kind.MEDIA, match.language
        if text[:4].encode()[:4] in self.starts or text.startswith(_LRM):
            match = self._matching(self.patterns, text)
            return (match.kind, match.language) if match else None
        return None

    def _matching(self, patterns: list[Pattern], text: str, *, search: bool = False) -> Pattern | None:
        if len(text) > _LONGEST and not search:
            return None
        text = plain(text[-_LONGEST:] if search else text).strip()
        folded = text.casefold()
        for pattern in patterns:
            if pattern.literal in folded and (pattern.regex.search if search else pattern.regex.fullmatch)(text):
                return pattern
        return None

    def system_language(self, text: str) -> str:
        """The language in which this is a system line; empty if it is none that is known."""
        if len(text) > _LONGEST:
            return ""
        language = self.encryption_language(text)
        if language:
            return language
        if said := self.told.get(_key(text)):
            return said
        for language in list(self.system):
            if self._matching(self.system[language], text):
                # A file speaks one language: ask that first the next time.
                self.system = {language: self.system.pop(language), **self.system}
                return language
        return ""

    def told_not_said(self, name: str, text: str) -> bool:
        """Whether `name: text` is a system line with a colon in it, not somebody's words.

        'Ana changed the subject from "A: B"' is one: the phrase has begun before the colon. 'Juan: Ana left' is not.
        """
        line = plain(f"{name}: {text}")[:_LONGEST].strip()
        folded = line.casefold()
        for patterns in self.system.values():
            for pattern in patterns:
                match = pattern.regex.fullmatch(line) if pattern.literal in folded else None
                if match and match.end(1) <= len(plain(name).strip()):
                    return True
        return self.encryption_language(line) != "" and len(name) > _OPENING * 2

    def encryption_language(self, text: str) -> str:
        """The language in which this is the notice that an export begins with."""
        if plain(text[: _OPENING + 2]).strip().casefold()[:_OPENING] not in self._openings:
            return ""
        folded = plain(text[:_LONGEST]).strip().casefold()
        return next((language for start, language in self.encryption.items() if folded.startswith(start)), "")

    def activity(self, text: str) -> Kind | None:
        """The kind of a text that Messenger or Instagram wrote in somebody's name; None when they are words."""
        if not 0 < len(text) <= 300:
            return None
        # Nearly all texts are words: one look for a word that every such phrase has spares them all the patterns.
        folded = plain(text).casefold()
        if self._any_activity or not self._activity_words.isdisjoint(folded.split()):
            match = self._matching(self.activities, text)
            if match:
                return match.kind
        if len(text) > 100:
            return None
        said = self.whole.get(folded.strip().removesuffix(".").rstrip())
        return said[0] if said and said[0] in {Kind.CALL, Kind.DELETED} else None

    def title(self, name: str) -> str:
        """The chat's title out of an export's file name, or nothing."""
        for pattern in self.titles:
            if match := pattern.fullmatch(plain(name).strip()):
                return match["title"].strip()
        return ""

    def add(self, language: str, lists: dict[str, list[str]]) -> None:
        """Take one catalogue in."""
        for name, kind in (
            ("media", Kind.MEDIA),
            ("deleted", Kind.DELETED),
            ("call", Kind.CALL),
            ("location", Kind.LOCATION),
            ("poll", Kind.POLL),
            ("system", Kind.SYSTEM),
        ):
            for phrase in lists.get(name, ()):
                if not _HOLE.search(phrase) and kind is Kind.SYSTEM:
                    self.told.setdefault(_key(phrase), language)
                elif not _HOLE.search(phrase):
                    self.whole.setdefault(_key(phrase), (kind, language))
                elif kind is Kind.SYSTEM:
                    self.system.setdefault(language, []).append(_pattern(kind, language, phrase))
                else:
                    self.patterns.append(_pattern(kind, language, phrase))
        for phrase in lists.get("activity", ()):
            self.activities.append(_pattern(Kind.SYSTEM, language, phrase))
            words = [word.casefold() for word in _HOLE.sub("\0", plain(phrase)).split() if "\0" not in word]
            longest = max(words, key=len, default="").removesuffix(".")
            self._any_activity = self._any_activity or not longest  # a phrase of holes alone may be any text
            self._activity_words |= {longest, f"{longest}."}
        self.attached += [_pattern(Kind.MEDIA, language, phrase) for phrase in lists.get("attached", ())]
        self.edited |= {_key(phrase): language for phrase in lists.get("edited", ())}
        for phrase in lists.get("encryption", ()):
            start = plain(_HOLE.split(phrase)[0]).strip()
            self.notices.append(start)
            start = start.casefold()
            self.encryption[start] = language
            self._openings.add(start[:_OPENING])
        for phrase in lists.get("titles", ()):
            parts = phrase.split("{title}")
            if len(parts) == 2:
                self.titles.append(re.compile(f"{re.escape(parts[0])}(?P<title>.+){re.escape(parts[1])}", re.I | re.S))

    def index(self) -> None:
        """Prepare what the fast path asks for, in bytes."""
        self.table = {
            variant: found
            for key, found in self.whole.items()
            for end in ("", ".")
            for before in ("", _LRM)
            # bytes.lower() leaves É alone where casefold does not, so both ways of writing are kept.
            for variant in {f"{before}{key}{end}".encode(), f"{before}{_ascii_lower(key)}{end}".encode()}
        }
        starts = [pattern.start for pattern in self.patterns if pattern.start]
        self.starts = frozenset(start.encode()[:4] for start in [*starts, *self.notices])
        self.heads = self.starts.union(*(_capitals(head) for head in {key[:4] for key in self.table}))


@lru_cache(maxsize=4096)
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source, re.I | re.S)


def _capitals(head: bytes) -> list[bytes]:
    """All ways to write these bytes of which `bytes.lower` makes them."""
    letters = [{one, *bytes([one]).upper()} for one in head]
    return [bytes(way) for way in product(*letters)]


def _ascii_lower(text: str) -> str:
    return text.encode().lower().decode()


def _pattern(kind: Kind, language: str, phrase: str) -> Pattern:
    phrase = plain(phrase)
    parts = _HOLE.split(phrase)  # literal, hole, literal, ...
    regexes = [_HOLES[part] if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    # The group is what has been said once the first words of the phrase stand: `told_not_said` asks where it ends.
    head = 1 if parts[0].strip() else min(3, len(parts))
    regex = "(" + "".join(regexes[:head]) + ")" + "".join(regexes[head:])
    literal = max((part.strip() for part in parts[0::2]), key=len).casefold()
    return Pattern(kind, language, parts[0].rstrip(), literal, regex + r"\.?")


def _read(file: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    advice = _("Correct it or take it out of the folder; docs/reading.md shows how a catalogue is written.")
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Problem(
            _("the phrase catalogue cannot be read: {reason}.").format(reason=error), where=file.name, advice=advice
        ) from None
    language = data.get("language", file.stem)
    lists: dict[str, list[str]] = {}
    for name in _LISTS:
        value: object = data.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):  # pyright: ignore[reportUnknownVariableType]
            raise Problem(_("“{name}” must be a list of phrases.").format(name=name), where=file.name, advice=advice)
        lists[name] = value  # pyright: ignore[reportUnknownVariableType]
    unknown = sorted(set(data) - {*_LISTS, "language"})
    if unknown:
        raise Problem(
            _("the phrase catalogue has a list that does not exist: {name}. Lists: {known}.").format(
                name=unknown[0], known=", ".join(_LISTS)
            ),
            where=file.name,
            advice=advice,
        )
    yield str(language), lists


@lru_cache(maxsize=4)
def _loaded(files: tuple[tuple[Path, int], ...]) -> Phrases:
    phrases = Phrases()
    for file, _changed in files:
        for language, lists in _read(file):
            phrases.add(language, lists)
    phrases.index()
    return phrases


def load_phrases(folder: Path | None = None) -> Phrases:
    """The built-in catalogues, after those of the user's own folder."""
    files: list[Path] = []
    if folder is not None:
        if not folder.is_dir():
            raise Problem(
                _("the folder of phrases is not there."),
                where=str(folder),
                advice=_("Make it, or take the setting out."),
            )
        files += sorted(folder.glob("*.toml"))
    files += sorted(_FOLDER.glob("*.toml"))
    return _loaded(tuple((file, file.stat().st_mtime_ns) for file in files))
