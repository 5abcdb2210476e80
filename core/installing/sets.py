"""The sets: which requirements each one has, and how large it is, so that this can be said before it is fetched.

In: pyproject.toml. Out: lists of requirements for pip. The sizes were measured with pip on Linux x86-64, Python 3.11
(2026-11): what is downloaded and what lies on the disk afterwards.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.installing.starting import LIGHT
from core.language import _
from core.problem import Misuse, Problem


@dataclass(frozen=True)
class Size:
    download_mb: int
    disk_mb: int
    packages: int


# local is without torch, whose size depends on which one is chosen (torch_choice).
SIZES = {
    "light": Size(80, 210, 43),
    "local": Size(25, 170, 20),
    "test": Size(80, 325, 20),
    "telegram": Size(2, 10, 4),
}


def read(checkout: Path) -> dict[str, list[str]]:
    """Every set's requirements, as written in pyproject.toml."""
    path = checkout / "pyproject.toml"
    try:
        project: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise Problem(
            _("pyproject.toml cannot be read."), where=str(path), advice=_("Is this a whole checkout?")
        ) from error
    extras: dict[str, list[str]] = project.get("optional-dependencies", {})
    return {LIGHT: list(project["dependencies"]), **{name: list(each) for name, each in extras.items()}}


def name_of(requirement: str) -> str:
    """The distribution's name at the head of a requirement, as pip compares names."""
    end = next((at for at, sign in enumerate(requirement) if not (sign.isalnum() or sign in "-_.")), len(requirement))
    return requirement[:end].lower().replace("_", "-").replace(".", "-")


def require_known(wanted: tuple[str, ...], known: dict[str, list[str]]) -> None:
    for one in wanted:
        if one not in known:
            raise Misuse(
                _("There is no set called {name}.").format(name=one),
                advice=_("There are: {names}.").format(names=", ".join(known)),
            )
