"""How far two replies are apart by what their models thought, not by what they said."""

from __future__ import annotations

import math

from core.chatting.replies import Reply


def off_by(one: Reply, other: Reply) -> float:
    """The most that any token's log-probability, or one of its alternatives', is off; infinite where words differ."""
    here, there = one.alternatives[0].tokens, other.alternatives[0].tokens
    if not here or [token.text for token in here] != [token.text for token in there]:
        return math.inf
    pairs = [(a, b) for a, b in zip(here, there, strict=True)]
    if any(dict(a.others).keys() != dict(b.others).keys() for a, b in pairs):
        return math.inf
    return max(
        abs(x - y)
        for a, b in pairs
        for x, y in [(a.logprob, b.logprob), *((dict(a.others)[key], dict(b.others)[key]) for key in dict(a.others))]
    )
