"""People: names that are one person and names that are two again, with their consent."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.chat import Consent
from core.problem import Misuse
from core.workspace import chats, checks, people, recipe
from core.workspace.opening import Workspace, open_workspace


@pytest.fixture
def two(tmp_path: Path) -> Workspace:
    export = tmp_path / "WhatsApp Chat with Meli.txt"
    export.write_text(
        "".join(f"25/12/2023, 14:{n:02} - {('Meli', 'Nico', 'Melisa')[n % 3]}: hola {n}\n" for n in range(9))
    )
    workspace = open_workspace(tmp_path / "workspace")
    chats.import_file(workspace, export, date_order="dmy")
    return workspace


def by_name(workspace: Workspace) -> dict[str, tuple[int, Consent]]:
    return {row.name: (row.messages, row.consent) for row in people.listing(workspace)}


def test_what_was_joined_comes_apart_again(two: Workspace) -> None:
    before = by_name(two)
    people.join(two, "Meli", "Melisa")
    assert by_name(two)["Meli"] == (6, Consent.UNKNOWN)
    assert people.split(two, "Melisa") == "Meli"
    assert by_name(two) == before


def test_a_refusal_holds_for_both_and_consent_for_neither_that_comes_apart(two: Workspace) -> None:
    people.join(two, "Meli", "Melisa")
    people.set_consent(two, "Meli", Consent.REFUSED)
    people.split(two, "Melisa")
    assert by_name(two)["Melisa"][1] is by_name(two)["Meli"][1] is Consent.REFUSED
    people.set_consent(two, "Meli", Consent.GIVEN)
    people.set_consent(two, "Melisa", Consent.GIVEN)
    people.join(two, "Meli", "Melisa")
    people.split(two, "Melisa")
    assert by_name(two)["Melisa"][1] is Consent.UNKNOWN


def test_the_persona_stays_the_persona_when_it_joins_somebody(two: Workspace) -> None:
    recipe.change(two, {"persona": "Melisa"})
    people.join(two, "Meli", "Melisa")
    assert recipe.current(two).persona == "Meli"
    assert len(recipe.planned(two, recipe.current(two)).plan)


@pytest.mark.parametrize("name", ["Meli", "Nico"])
def test_only_a_joined_name_comes_apart(two: Workspace, name: str) -> None:
    people.join(two, "Meli", "Melisa")
    with pytest.raises(Misuse, match="not joined"):
        people.split(two, name)


def test_statistics_of_one_participant(two: Workspace) -> None:
    rows, months = checks.statistics(two, participant="Nico")
    assert [row.name for row in rows] == ["Nico"]
    assert dict(months) == {"2023-12": 3}
