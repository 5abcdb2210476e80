"""Check digits: whether a number is a card, an account or a national id, or only looks like one.

In: text that a pattern found. Out: yes or no. Numbers without check digits (the Argentine DNI) are `privacy`'s matter:
only their context tells them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final


def digits(text: str) -> list[int]:
    """The decimal digits of a text, in order."""
    return [int(one) for one in text if one.isascii() and one.isdigit()]


def card(text: str) -> bool:
    """A payment card: 13 to 19 digits whose Luhn sum is a multiple of ten, and not all the same."""
    found = digits(text)
    if not 13 <= len(found) <= 19 or len(set(found)) == 1 or found[0] == 0:
        return False
    doubled = [2 * one - 9 * (one > 4) if place % 2 else one for place, one in enumerate(reversed(found))]
    return sum(doubled) % 10 == 0


_IBAN_LENGTHS: Final[Mapping[str, int]] = {
    "AD": 24, "AT": 20, "BE": 16, "BR": 29, "CH": 21, "CR": 22, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "ES": 24,
    "FI": 18, "FR": 27, "GB": 22, "GR": 27, "GT": 28, "HU": 28, "IE": 22, "IT": 27, "LU": 20, "NL": 18, "NO": 15,
    "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SV": 28, "TR": 26,
}  # fmt: skip


def iban(text: str) -> bool:
    """An international account number: its country's length, and 1 modulo 97."""
    plain = "".join(text.split()).replace("-", "").upper()
    if not plain.isascii() or not plain.isalnum():
        return False
    length = _IBAN_LENGTHS.get(plain[:2])
    if (length is not None and len(plain) != length) or not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def iban_ends(text: str) -> int:
    """Where the account number at the beginning of a text ends, 0 if there is none: words may follow it."""
    length = _IBAN_LENGTHS.get(text[:2].upper())
    if length is None:
        return len(text) if iban(text) else 0
    seen = 0
    for place, one in enumerate(text, 1):
        seen += one.isalnum()
        if seen == length:
            return place if iban(text[:place]) and not text[place : place + 1].isalnum() else 0
    return 0


def _weighted(found: Sequence[int], weights: Sequence[int]) -> int:
    return sum(one * weight for one, weight in zip(found, weights, strict=True))


def cbu(text: str) -> bool:
    """An Argentine account (CBU, CVU): 22 digits with a check digit in each of its two blocks."""
    found = digits(text)
    if len(found) != 22 or len(set(found)) == 1:
        return False
    bank = _weighted(found[:7], (7, 1, 3, 9, 7, 1, 3))
    account = _weighted(found[8:21], (3, 9, 7, 1, 3, 9, 7, 1, 3, 9, 7, 1, 3))
    return (10 - bank % 10) % 10 == found[7] and (10 - account % 10) % 10 == found[21]


def cuit(text: str) -> bool:
    """An Argentine CUIT or CUIL: eleven digits, a known beginning, modulo 11."""
    found = digits(text)
    if len(found) != 11 or 10 * found[0] + found[1] not in (20, 23, 24, 25, 26, 27, 30, 33, 34):
        return False
    rest = 11 - _weighted(found[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest == 11 else rest) == found[10]  # 10 is never given out


_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"


def spanish_id(text: str) -> bool:
    """A Spanish DNI or NIE: the letter that goes with its number modulo 23."""
    plain = "".join(one for one in text.upper() if one.isalnum())
    if len(plain) != 9 or plain[-1] not in _DNI_LETTERS:
        return False
    number = plain[:-1].translate(str.maketrans("XYZ", "012")) if plain[0] in "XYZ" else plain[:-1]
    return number.isascii() and number.isdigit() and _DNI_LETTERS[int(number) % 23] == plain[-1]


def rut(text: str) -> bool:
    """A Chilean RUT: seven or eight digits and a check character, modulo 11."""
    plain = "".join(one for one in text.upper() if one.isalnum())
    body, check = plain[:-1], plain[-1:]
    if not 7 <= len(body) <= 8 or not body.isdigit() or not body.isascii():
        return False
    total = sum(int(one) * (2 + place % 6) for place, one in enumerate(reversed(body)))
    rest = 11 - total % 11
    return check == ("0" if rest == 11 else "K" if rest == 10 else str(rest))


def cpf(text: str) -> bool:
    """A Brazilian CPF: eleven digits, two of them checks, not all the same."""
    found = digits(text)
    if len(found) != 11 or len(set(found)) == 1:
        return False
    for length in (9, 10):
        rest = _weighted(found[:length], range(length + 1, 1, -1)) * 10 % 11 % 10
        if rest != found[length]:
            return False
    return True


_CURP_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def curp(text: str) -> bool:
    """A Mexican CURP: eighteen characters, the last a check digit."""
    plain = text.upper()
    if len(plain) != 18 or any(one not in _CURP_ALPHABET for one in plain):
        return False
    total = sum(_CURP_ALPHABET.index(one) * (18 - place) for place, one in enumerate(plain[:17]))
    return str((10 - total % 10) % 10) == plain[17]


def social_security(text: str) -> bool:
    """A US social security number, written with its hyphens: ranges that were given out, for it has no check digit."""
    area, group, serial = (int(part) for part in text.split("-"))
    return area not in (0, 666) and area < 900 and group > 0 and serial > 0


NATIONAL: Final[tuple[Callable[[str], bool], ...]] = (cuit, spanish_id, rut, cpf, curp)
