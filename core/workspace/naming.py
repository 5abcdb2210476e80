"""What may be a name: of a dataset, of a model. In: what somebody typed. Out: nothing, or a Misuse that says what may.

Names stand on command lines (so none begins like an option), become folders (so none has a slash, or is a hidden one),
and are shown (so none has what cannot be seen). Whether a name is taken is asked where the named things are.
"""

from __future__ import annotations

from typing import Final

from core.language import _
from core.problem import Misuse

LONGEST: Final = 80


def must_be_fit(name: str, *, without: str = "") -> None:
    """Refuse what cannot be a name; `without`: further characters that this sort of thing cannot have in its name."""
    if (
        not name.strip()
        or len(name) > LONGEST
        or not name.isprintable()
        or name[0] in ".-"
        or any(one in name for one in "/\\" + without)
    ):
        raise Misuse(
            _("“{name}” cannot be a name.").format(name=name[:LONGEST]),
            advice=_("Use letters, digits, - and _ (no more than {most}), and begin with a letter or a digit.").format(
                most=LONGEST
            ),
        )
