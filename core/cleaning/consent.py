"""Whose words may be used. In: authors as numbers, and what each participant said. Out: one flag a message.

The words of somebody who refused are in no example, neither as reply nor as context, whatever else was decided.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.chat import Consent, Participant


def may_be_used(
    authors: NDArray[np.int32], participants: Mapping[int, Participant], *, require_consent: bool = False
) -> NDArray[np.bool_]:
    """Which messages have an author who lets them be used; a line that names nobody has none."""
    most = int(authors.max()) if len(authors) else -1
    allowed = np.zeros(most + 2, np.bool_)  # one place more: NOBODY is -1, which reads the last
    for number, one in participants.items():
        if 0 <= number <= most:
            allowed[number] = one.consent is Consent.GIVEN or (one.consent is Consent.UNKNOWN and not require_consent)
    return allowed[authors]
