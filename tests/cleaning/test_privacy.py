"""Private things: found when their check digits prove them, left alone when they only look like one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat import Consent, Participant
from core.cleaning import identifiers
from core.cleaning.consent import may_be_used
from core.cleaning.privacy import Aliases, Masker, find, report
from core.cleaning.settings import PRIVATE_KINDS, Cleaning
from core.cleaning.transforms import cleaner


def found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("llamame al 11 4555-1234", "phone", "11 4555-1234"),
        ("es +54 9 11 5555 1234!", "phone", "+54 9 11 5555 1234"),
        ("tel (0351) 15-555-1234", "phone", "(0351) 15-555-1234"),
        ("3515551234 ese", "phone", "3515551234"),
        ("escribime a juan.perez+x@mail.example.com.ar.", "email", "juan.perez+x@mail.example.com.ar"),
        ("la visa 4539 1488 0343 6467 vence", "card", "4539 1488 0343 6467"),
        ("4539148803436467", "card", "4539148803436467"),
        ("cbu 2850590940090418135201", "bank", "2850590940090418135201"),
        ("ES91 2100 0418 4502 0005 1332 es la cuenta", "bank", "ES91 2100 0418 4502 0005 1332"),
        ("GB82WEST12345698765432", "bank", "GB82WEST12345698765432"),
        ("mi dni es 32.123.456", "id", "32.123.456"),
        ("DNI: 32123456.", "id", "32123456"),
        ("soy el 32.123.456", "id", "32.123.456"),
        ("cuit 20-12345678-6", "id", "20-12345678-6"),
        ("20123456786", "id", "20123456786"),
        ("mi NIF 12345678Z", "id", "12345678Z"),
        ("X1234567L", "id", "X1234567L"),
        ("rut 12.345.678-5", "id", "12.345.678-5"),
        ("cpf 529.982.247-25", "id", "529.982.247-25"),
        ("123-45-6789", "id", "123-45-6789"),
        ("entrá a 192.168.0.12 y listo", "ip", "192.168.0.12"),
        ("fe80::1ff:fe23:4567:890a", "ip", "fe80::1ff:fe23:4567:890a"),
        ("mirá https://foo.example/bar?x=12345678", "url", "https://foo.example/bar?x=12345678"),
        ("sk-proj-abcdefghijklmnopqrstuvwx123", "secret", "sk-proj-abcdefghijklmnopqrstuvwx123"),
        ("123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr", "secret", "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"),
        ("AKIAIOSFODNN7EXAMPLE", "secret", "AKIAIOSFODNN7EXAMPLE"),
        ("la clave del wifi es hola1234", "secret", "hola1234"),
        ("contraseña: Perro_123!", "secret", "Perro_123"),
    ],
)
def test_private_things_are_found(text: str, kind: str, said: str) -> None:
    assert found(text) == [(kind, said)]


@pytest.mark.parametrize(
    "text",
    [
        "nací el 12/06/1990 22:15", "2023-05-27 14:00", "20240612", "quedamos 20:30, son 1500",
            "salió 32.123.456 pesos",
        "$12.500.000", "12.500.000 de espectadores", "el 3 4 5 6 7 8 9 10", "jajajajajajajajajajajajajajaja", "a::b",
        "versión 1.1.1", "9:30:15", "llego 10-11 o 12-13 hs", "00000000000", "gano 100 200 300",
        "la clave es paciencia",
        "4539 1488 0343 6468 1", "AbcdefghijklmnopqrstuvwxyzABCDEFGHIJ", "::", "[PHONE_1] y [EMAIL_12]",
    ],
)  # fmt: skip
def test_what_only_looks_private_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (identifiers.card, "4539 1488 0343 6467", "4539 1488 0343 6468"),
        (identifiers.iban, "DE89370400440532013000", "DE89370400440532013001"),
        (identifiers.cbu, "2850590940090418135201", "2850590940090418135202"),
        (identifiers.cuit, "20-12345678-6", "20-12345678-5"),
        (identifiers.spanish_id, "12345678Z", "12345678A"),
        (identifiers.rut, "12.345.678-5", "12.345.678-6"),
        (identifiers.cpf, "529.982.247-25", "529.982.247-26"),
        (identifiers.curp, "HEGG560427MVZRRL04", "HEGG560427MVZRRL05"),
        (identifiers.social_security, "123-45-6789", "666-45-6789"),
    ],
)
def test_check_digits_prove_a_number(check: object, good: str, bad: str) -> None:
    assert callable(check)
    assert check(good)
    assert not check(bad)


def test_one_value_has_one_mask_however_it_is_spelt() -> None:
    mask = Masker(PRIVATE_KINDS)
    assert mask("11 4555-1234 o 1145551234") == "[PHONE_1] o [PHONE_1]"
    assert mask("11 4555 9999 y A@b.example, a@B.example") == "[PHONE_2] y [EMAIL_1], [EMAIL_1]"
    assert (mask.different, dict(mask.found)) == ({"phone": 2, "email": 1}, {"phone": 3, "email": 2})


def test_only_the_kinds_asked_for_are_hidden_and_a_link_hides_no_phone() -> None:
    assert Masker(("phone",))("a@b.example 11 4555-1234") == "a@b.example [PHONE_1]"
    assert Masker(("phone",))("https://x.example/12345678") == "https://x.example/12345678"


@given(st.text(alphabet=st.sampled_from("abc 0123456789.:-+@/()$[]_AKIsk"), max_size=60))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = Masker(PRIVATE_KINDS)(text)
    assert Masker(PRIVATE_KINDS)(once) == once


@given(st.text(max_size=80))
def test_finds_are_in_order_and_apart(text: str) -> None:
    things = find(text)
    assert all(a.end <= b.start for a, b in pairwise(things))
    assert all(one.kind in PRIVATE_KINDS and one.start < one.end for one in things)


def test_a_report_tells_places_and_never_values() -> None:
    told = report(["hola", "11 4555-1234", "a@b.example", "otra vez 11 4555-1234"])
    assert (dict(told.finds), told.texts) == ({"phone": 2, "email": 1}, 3)
    assert told.first == {"phone": (1, 3), "email": (2,)}


def test_aliases_are_stable_and_reach_into_what_is_said() -> None:
    people = {n: Participant(n, name) for n, name in enumerate(["Ana López", "Beto", "~Sol", "Caro Paz"])}
    aliases = Aliases(people, persona=0)
    assert [aliases.of(n) for n in (0, 3, 1, 3)] == ["Persona", "Person 1", "Person 2", "Person 1"]
    aliases.settle()
    assert aliases("ana lópez y Caro fueron con BETO, hacía sol y Sol no vino") == (
        "Persona y Person 1 fueron con Person 2, hacía Person 3 y Person 3 no vino"
    )


def test_consent_is_by_participant_and_nobody_has_none() -> None:
    import numpy as np

    people = {
        0: Participant(0, "A", Consent.GIVEN), 1: Participant(1, "B"), 2: Participant(2, "C", Consent.REFUSED)
    }  # fmt: skip
    authors = np.array([0, 1, 2, -1, 7], np.int32)
    assert may_be_used(authors, people).tolist() == [True, True, False, False, False]
    assert may_be_used(authors, people, require_consent=True).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(
    "text", [" " * 100_000 + "<", "clave" + " " * 100_000 + "1", "\n " * 50_000 + "<", "11.111." * 9_000]
)
def test_a_message_made_to_be_slow_is_not(text: str) -> None:
    """Each of these takes minutes where blanks before something are looked for from every one of them."""
    clean = cleaner(Cleaning())
    assert clean is not None
    assert clean(text)
    assert Masker(PRIVATE_KINDS)(text) is not None
