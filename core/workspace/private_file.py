"""Writing a file that somebody asked for: theirs alone (0600), never in the place of another unless that is asked for too.

In: a path and pieces of text. Out: the file, or a Problem that says why not. What the text is, it does not know.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from core.language import _
from core.problem import Problem, system_words


def write(to: Path, pieces: Iterable[str], *, force: bool, refusal: str) -> None:
    """Write them; `refusal` says with {reason} that it could not be done."""
    new = os.O_TRUNC if force else os.O_EXCL
    try:
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(
            os.open(to, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | new, 0o600), "w", encoding="utf-8"
        ) as file:
            file.writelines(pieces)
    except FileExistsError:
        raise Problem(
            _("this file exists already."), where=str(to), advice=_("Choose another name, or add --force.")
        ) from None
    except OSError as error:
        raise Problem(
            refusal.format(reason=system_words(error)), where=str(to), advice=_("Choose another place.")
        ) from None
