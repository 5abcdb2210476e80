"""The second wall against untrusted text: a filter behind every widget.

In: the segments of each line, on their way to the terminal. Out: the same segments without anything that a terminal
could obey. The first wall is `core.safe_text`, which widgets demand by type; this one stands for the day when somebody
forgets it, for what a person pastes into a field, and for Textual's own widgets, none of which neutralises anything.
"""

from __future__ import annotations

import re
from typing import Final

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

# One character for one: the widths that the layout has already counted stay true for the controls, which it counts as
# one cell or none; a cell too few at the end of a line is better than a terminal that obeys.
_REPLACED: Final = {
    **{code: 0x2400 + code for code in range(0x20)},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    **dict.fromkeys((0xAD, 0x61C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF)),
    **dict.fromkeys(range(0x2028, 0x202F)),
    **dict.fromkeys(range(0x2061, 0x2070)),
    **dict.fromkeys(range(0xFFF9, 0xFFFC)),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    **{code: None for code in range(0xE0000, 0xE1000) if not 0xE0061 <= code <= 0xE007F},
}
_HARM: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def harmless(text: str) -> str:
    """The text without what a terminal could obey."""
    if text.isascii() and text.isprintable():
        return text
    # England, Scotland and Wales are spelt with tags after a black flag; other tags hide text.
    if max(text) >= "\U000e0001" and "\U0001f3f4" not in text:
        text = "".join(one for one in text if not "\U000e0000" <= one <= "\U000e0fff")
    return text.translate(_REPLACED) if _HARM.search(text) else text


class SecondWall(LineFilter):
    """The filter that `App.get_line_filters` gives after all others."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            # Segments with control codes are Textual's own (they move the cursor) and hold no text.
            segment
            if segment.control or (segment.text.isascii() and segment.text.isprintable())
            else Segment(harmless(segment.text), segment.style)
            for segment in segments
        ]
