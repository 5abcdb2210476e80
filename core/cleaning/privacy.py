"""Private things in texts: found by their shape, proven by their check digits, hidden by masks of their kind.

In: texts, in the dataset's order. Out: the same texts with `[PHONE_1]` and the like, the same value always the same
mask inside one dataset, and a report of counts. What was found is never kept in clear but in the memory of one build.

A text is searched only for what it can hold (no phone without seven digits, no mail without an @): most messages cost
a microsecond, where one pattern of everything cost six, and ninety with a time of day in the text.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.chat import Participant
from core.cleaning import identifiers
from core.cleaning.settings import PRIVATE_KINDS
from core.cleaning.transforms import LINK

_SECRET: Final = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,5000}?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]{1,12}[-_]){0,3}[A-Za-z0-9_-]{16,200}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,255}|\bgithub_pat_[A-Za-z0-9_]{20,255}|\bglpat-[A-Za-z0-9_-]{16,64}"
    r"|\bxox[abposr]-[A-Za-z0-9-]{10,200}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}|\bhf_[A-Za-z0-9]{20,80}"
    r"|\beyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,8000}(?:\.[A-Za-z0-9_-]{5,4000})?"
    r"|\b\d{8,10}:[A-Za-z0-9_-]{35}\b"
    r"|\b(?=[A-Za-z0-9+_/=-]{0,200}\d)(?=[A-Za-z0-9+_/=-]{0,200}[a-z])(?=[A-Za-z0-9+_/=-]{0,200}[A-Z])"
    r"[A-Za-z0-9+_/=-]{32,200}"
)
# What follows a word for a password, up to a space: the word itself stays.
_PASSWORD: Final = re.compile(
    r"(?i:\b(?:contrase[ñn]a|password|passwd|pwd|clave|pass|pin|c[oó]digo de verificaci[oó]n|verification code)\b"
    r"(?:\s{1,3}(?:de|del|para|for|of)(?:\s{1,3}(?:la|el|the))?\s{1,3}\w{1,20})?(?:\s{1,3}(?:es|is))?\s{0,3}[:=]?\s{0,3})"
    r"(?P<secret>(?=\S{0,64}\d)[^\s,;]{4,64}(?<![.!?]))"
)
_EMAIL: Final = (
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}"
)
_IBAN: Final = r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?\b"
_IP: Final = r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?![\w:]|\.\d)"
_ID: Final = (
    r"\b\d{2}[- ]?\d{8}[- ]?\d\b"  # CUIT
    r"|\b[XYZxyz]?-?\d{7,8}-?[A-Za-z]\b"  # Spanish DNI, NIE; RUT ending in K
    r"|\b\d{1,2}\.?\d{3}\.?\d{3}-[\dkK]\b"  # RUT
    r"|\b\d{3}\.?\d{3}\.?\d{3}-\d{2}\b|\b\d{11}\b"  # CPF, CUIT without hyphens
    r"|\b[A-Za-z]{4}\d{6}[HMhm][A-Za-z]{5}[A-Za-z0-9]\d\b"  # CURP
    r"|\b\d{3}-\d{2}-\d{4}\b"  # US social security
)
_NUMBER: Final = r"(?<![\w.,$€/-])(?:\+|\(\+?)?\d(?:[ .()/–-]{0,2}\d){6,24}(?![\w/]|[.,]\d)"
_SECRETS: Final = re.compile(_SECRET)
_EMAILS: Final = re.compile(_EMAIL)
_IPS: Final = re.compile(_IP)
_NUMBERS: Final = re.compile(rf"(?P<iban>{_IBAN})|(?P<id>{_ID})|(?P<number>{_NUMBER})")
_NUMBER_HERE: Final = re.compile(_NUMBER)
_DIGIT: Final = re.compile(r"\d")
_LONG_WORD: Final = re.compile(r"\S{20}")
_FEWEST_DIGITS: Final = 7  # of anything that is told by its digits
_RUN: Final = re.compile(
    r"(?:\d[ .()/–-]{0,2}){6}"
)  # no id, account or phone is without six digits that stand together
_PASSWORD_WORD: Final = re.compile(r"(?i:contrase|pass|pwd|clave|pin\b|digo|code)")
_DNI: Final = re.compile(
    r"(?i:\b(?:dni|documento|c[eé]dula|libreta|doc\.?|d\.n\.i\.?)\b\D{0,20})"
    r"(?P<number>\d{1,2}[. ]?\d{3}[. ]?\d{3})\b(?![.,]?\d)"
)
# Tens of millions to the unit are a person, not a sum, when nothing near them speaks of money.
_DOTTED_DNI: Final = re.compile(
    r"(?<![\w.,$€])(?<![$€] )\d{2}\.\d{3}\.(?!000)\d{3}(?![\w,.]?\d)"
    r"(?!\s*(?i:pesos|d[oó]lares|usd|ars|eur|euros|palos|mangos|lucas|%|\$))"
)
_DATE: Final = re.compile(
    r"(?:\d{1,2}[ ./-]\d{1,2}[ ./-](?:\d{4}|\d{2})|(?:19|20)\d\d[ ./-]\d{1,2}[ ./-]\d{1,2}"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?:[ ,]+\d{1,2}(?:[.:]\d\d)?)?"
)
_GROUPED: Final = re.compile(r"\d{1,3}(?:[. ]\d{3})+")  # 12.500.000: an amount


@dataclass(frozen=True, slots=True)
class Found:
    """One private thing in a text."""

    kind: str  # of PRIVATE_KINDS
    start: int
    end: int


def find(text: str, kinds: Iterable[str] = PRIVATE_KINDS) -> list[Found]:
    """Every private thing of these kinds, in order, none overlapping another."""
    numbers = len(_DIGIT.findall(text))
    if not numbers and "@" not in text and "." not in text and "-----" not in text:
        return []
    found: list[Found] = []
    if "@" in text:
        found += [Found("email", *one.span()) for one in _EMAILS.finditer(text)]
    if "." in text:
        found += [Found("url", *one.span()) for one in LINK.finditer(text)]
    if (numbers or "-----" in text) and _LONG_WORD.search(text):
        found += [Found("secret", *one.span()) for one in _SECRETS.finditer(text)]
    if numbers:
        if _PASSWORD_WORD.search(text):
            found += [Found("secret", *one.span("secret")) for one in _PASSWORD.finditer(text)]
        if text.count(".") > 2 or text.count(":") > 1:
            found += [Found("ip", *one.span()) for one in _IPS.finditer(text) if _is_address(one[0])]
    if numbers >= _FEWEST_DIGITS and _RUN.search(text):
        found += [Found("id", *one.span("number")) for one in _DNI.finditer(text)]
        found += [Found("id", *one.span()) for one in _DOTTED_DNI.finditer(text)]
        found += _numbers(text)
    if not found:
        return []
    wanted = frozenset(kinds)
    # A longer find holds the shorter one: a link that ends in eight digits holds no phone, be links wanted or not.
    found.sort(key=lambda one: (one.start, -one.end))
    apart: list[Found] = []
    for one in found:
        if apart and one.start < apart[-1].end:
            if one.end - one.start > apart[-1].end - apart[-1].start:
                apart[-1] = one
            continue
        apart.append(one)
    return [one for one in apart if one.kind in wanted]


def _numbers(text: str) -> Iterator[Found]:
    at = 0
    while match := _NUMBERS.search(text, at):
        start = match.start()
        kind, end = _judged(match, text)
        if kind:
            yield Found(kind, start, end)
            at = end
        else:
            # It only looked like something; what it holds may still be something else, from its next word on.
            at = _next_word(text, start, end)


def _next_word(text: str, start: int, end: int) -> int:
    at = start + 1
    while at < end and (text[at].isalnum() or not text[at - 1].isspace()):
        at += 1
    return at


def _judged(match: re.Match[str], text: str) -> tuple[str, int]:
    """(the kind, where it ends), or ("", …) if it only looks like one."""
    shape, said = match.lastgroup, match[0]
    if shape == "iban":
        length = identifiers.iban_ends(said)
        if length:
            return "bank", match.start() + length
    elif shape == "id":
        ssn = said.count("-") == 2 and len(said) == 11 and identifiers.social_security(said)
        if ssn or any(check(said) for check in identifiers.NATIONAL):
            return "id", match.end()
    else:
        return _number_kind(said), match.end()
    # What failed as something narrower may be a number of another kind that starts at the same place.
    again = _NUMBER_HERE.match(text, match.start())
    return (_number_kind(again[0]), again.end()) if again else ("", match.end())


def _number_kind(said: str) -> str:
    count = sum(one.isdigit() for one in said)
    if count == 22 and identifiers.cbu(said):
        return "bank"
    if identifiers.card(said):
        return "card"
    if count == 11 and (identifiers.cuit(said) or identifiers.cpf(said)):
        return "id"
    if not 8 <= count <= 15 or _DATE.fullmatch(said):
        return ""
    if said[0] in "+(":
        return "phone"
    groups = len(re.findall(r"\d+", said))
    if _GROUPED.fullmatch(said) or len(set(identifiers.digits(said))) == 1 or 2 * groups > count:
        return ""  # an amount, a row of zeros, somebody counting
    return "phone"


def _is_address(said: str) -> bool:
    try:
        found = ipaddress.ip_address(said)
    except ValueError:
        return False
    # ::, ::1 and 0.0.0.0 say nothing of anybody; "::" is also how some people end a sentence.
    return not (found.is_unspecified or found.is_loopback)


def _value(kind: str, said: str) -> str:
    """What two spellings of one thing have in common."""
    if kind in ("phone", "card", "bank", "id"):
        return "".join(one for one in said.upper() if one.isalnum())
    return said.casefold() if kind in ("email", "url") else said


class Masker:
    """Hides private things, the same value always behind the same mask. One for each build of a dataset."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = tuple(kinds)
        self._masks: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        self.found: Counter[str] = Counter()  # finds by kind, the same value counted each time

    def __call__(self, text: str) -> str:
        things = find(text, self.kinds)
        if not things:
            return text
        parts: list[str] = []
        at = 0
        for one in things:
            self.found[one.kind] += 1
            parts += [text[at : one.start], self._mask(one.kind, text[one.start : one.end])]
            at = one.end
        return "".join([*parts, text[at:]])

    def _mask(self, kind: str, said: str) -> str:
        key = (kind, _value(kind, said))
        mask = self._masks.get(key)
        if mask is None:
            self._numbers[kind] += 1
            mask = self._masks[key] = f"[{kind.upper()}_{self._numbers[kind]}]"
        return mask

    @property
    def different(self) -> Mapping[str, int]:
        """How many different values of each kind were hidden."""
        return dict(self._numbers)


@dataclass(frozen=True, slots=True)
class PrivacyReport:
    """What stands in texts, by kind: how often, in how many texts, and where first (places, never the values)."""

    finds: Mapping[str, int]
    texts: int
    first: Mapping[str, tuple[int, ...]]


def report(texts: Iterable[str], kinds: Sequence[str] = PRIVATE_KINDS, *, examples: int = 5) -> PrivacyReport:
    """Count what is private in texts."""
    finds: Counter[str] = Counter()
    first: dict[str, list[int]] = {}
    touched = 0
    for place, text in enumerate(texts):
        things = find(text, kinds)
        touched += bool(things)
        for one in things:
            finds[one.kind] += 1
            places = first.setdefault(one.kind, [])
            if len(places) < examples and place not in places:
                places.append(place)
    return PrivacyReport(dict(finds), touched, {kind: tuple(places) for kind, places in first.items()})


class Aliases:
    """Stable names in place of participants' names, given in the order in which people are met."""

    def __init__(self, participants: Mapping[int, Participant], persona: int) -> None:
        self._people = participants
        self._alias: dict[int, str] = {persona: "Persona"}
        self._swap: Callable[[str], str] | None = None

    def of(self, participant: int) -> str:
        """The alias of a participant."""
        known = self._alias.get(participant)
        if known is None:
            known = self._alias[participant] = f"Person {len(self._alias)}"
        return known

    def settle(self) -> None:
        """Give an alias to all who were not met (by name: an order that no import changes), and fix the names."""
        for number in sorted(set(self._people) - set(self._alias), key=lambda one: self._people[one].name):
            self.of(number)
        whole: dict[str, str] = {}
        parts: dict[str, str] = {}
        for number, one in self._people.items():
            name = one.name.strip("~ ")
            if not name:
                continue
            whole[name.casefold()] = self._alias[number]
            first = name.split()[0]
            # A first name alone, as written: "Sol" is a person where "sol" is the sun. Of two the first has it.
            if len(first) >= 3 and first[:1].isupper():
                parts[first] = parts.get(first, self._alias[number])
        names = sorted(whole, key=len, reverse=True)
        patterns = [rf"(?i:{'|'.join(map(re.escape, names))})"] if names else []
        if parts:
            patterns.append("|".join(map(re.escape, sorted(parts, key=len, reverse=True))))
        if not patterns:
            return
        pattern = re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)")

        def swapped(found: re.Match[str]) -> str:
            said = found[0]
            return whole.get(said.casefold()) or parts.get(said) or said

        self._swap = lambda text: pattern.sub(swapped, text)

    def __call__(self, text: str) -> str:
        return self._swap(text) if self._swap else text
