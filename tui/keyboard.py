"""Keys as people see them: the hints at the foot of a screen and the list of what has focus.

In: a screen with its bindings (every one has an id, so that it can be bound anew in the settings). Out: names of keys
and what they do, in the chosen language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.language import N_, _
from core.safe_text import SafeText
from tui.lines import said

if TYPE_CHECKING:
    from textual.screen import Screen

_NAMES = {
    "enter": "⏎", "up": "↑", "down": "↓", "left": "←", "right": "→", "escape": N_("esc"), "pagedown": N_("page down"),
    "pageup": N_("page up"), "home": N_("home"), "end": N_("end"), "space": N_("space"), "question_mark": "?",
    "slash": "/", "colon": ":", "plus": "+", "minus": "-", "equals_sign": "=", "asterisk": "*",
    "tab": N_("tab"), "backspace": N_("backspace"), "left_square_bracket": "[", "right_square_bracket": "]",
}  # fmt: skip
KEYS = "app.keys"  # the act that shows all keys
_MOVES = ("list", "transcript")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One act: its keys, what it does, the id by which it can be bound anew."""

    keys: SafeText
    does: SafeText
    id: str


def key_name(key: str) -> str:
    """A key as people write it."""
    if key.startswith("ctrl+"):
        return "^" + key[5:]
    known = _NAMES.get(key)
    return key if known is None else _(known)


def hints(screen: Screen[Any]) -> dict[str, tuple[SafeText, SafeText]]:
    """The keys worth a place at the foot, by the id of their act: the first key of each binding that says `show`."""
    found: dict[str, tuple[SafeText, SafeText]] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if binding.show and active.enabled and binding.description and binding.id not in found:
            found[binding.id or key] = (said("{key}", key=key_name(key)), SafeText(_(binding.description)))
    return found


def rows(screen: Screen[Any]) -> list[KeyRow]:
    """Every act that a key can do on this screen now: its own first, then moves, then what is the same everywhere."""
    ranks: dict[str, int] = {}
    keys: dict[str, list[str]] = {}
    does: dict[str, str] = {}
    for key, active in screen.active_bindings.items():
        binding = active.binding
        if binding.id and binding.description and active.enabled:
            keys.setdefault(binding.id, []).append(key_name(key))
            does.setdefault(binding.id, binding.description)
            room = binding.id.partition(".")[0]
            ranks[binding.id] = 2 if room in ("go", "app") else 1 if room in _MOVES and not binding.show else 0
    return [
        KeyRow(said("{keys}", keys="  ".join(keys[one])), SafeText(_(does[one])), one)
        for one in sorted(keys, key=lambda one: ranks[one])
    ]
