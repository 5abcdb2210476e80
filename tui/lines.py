"""Lines of styled text for the Line API: what every list and bar of ours is drawn with.

In: cells, a `SafeText` with its style each (a raw `str` is a type error, so untrusted text cannot get here unseen).
Out: Textual strips of exactly the width asked for. Nothing here reads markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.safe_text import SafeText, shown_in_line

Cell = tuple[SafeText, Style]
Line = list[Cell]

NOTHING = SafeText("")
SPACE = SafeText(" ")


def said(text: str, /, **fields: object) -> SafeText:
    """A text of our own catalogue, with fields from anywhere made safe as they are filled in."""
    filled = {name: shown_in_line(str(value)) for name, value in fields.items()}
    return SafeText(text.format(**filled) if filled else text)


def width_of(text: str) -> int:
    """Columns that the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fitted(text: SafeText, width: int, *, right: bool = False) -> SafeText:
    """The text in exactly this many columns, with … where something had to go."""
    taken = width_of(text)
    if taken == width:
        return text
    if taken < width:
        blank = " " * (width - taken)
        return SafeText(blank + text if right else text + blank)
    return SafeText(set_cell_size(text, max(0, width - 1)) + "…" * (width > 0))


def strip_of(line: Iterable[Cell], width: int, ground: Style) -> Strip:
    """The cells as one strip: clipped or filled to the width, over the ground's colours."""
    segments: list[Segment] = []
    left = width
    for text, style in line:
        taken = width_of(text)
        if taken > left:
            segments.append(Segment(fitted(text, left), ground + style))
            left = 0
            break
        if taken:
            segments.append(Segment(text, ground + style))
            left -= taken
    if left:
        # Blanks have no ink: they join the last cell of the same ground, which spares its colour codes.
        if segments and segments[-1].style is not None and segments[-1].style.bgcolor == ground.bgcolor:
            last = segments[-1]
            if not (last.style and (last.style.underline or last.style.reverse)):
                segments[-1] = Segment(last.text + " " * left, last.style)
                left = 0
        if left:
            segments.append(Segment(" " * left, ground))
    return Strip(segments, width)


def wrapped(text: SafeText, width: int, most: int | None = None) -> list[SafeText]:
    """The text broken at spaces into lines of at most `width` columns; the last of `most` ends in … if more was there."""
    lines: list[SafeText] = []
    for line in _broken(text, max(1, width)):
        if most is not None and len(lines) == most:
            # A line that fills its width has been given its … by `fitted` already.
            cut = fitted(lines[-1], min(width - 1, width_of(lines[-1]))).rstrip()
            lines[-1] = SafeText(cut if cut.endswith("…") else cut + "…")
            break
        lines.append(SafeText(line))
    return lines or [NOTHING]


def flowed(cells: Iterable[Cell], width: int) -> list[Line]:
    """Styled text of several lines, broken at spaces into lines of at most `width` columns."""
    lines: list[Line] = [[]]
    taken = 0
    for text, style in cells:
        for number, paragraph in enumerate(text.split("\n")):
            if number:
                lines.append([])
                taken = 0
            for word in _words(paragraph) if paragraph else ():
                size = width_of(word)
                if taken + size > width and taken:
                    lines.append([])
                    taken = 0
                    if word.isspace():
                        continue
                while size > width:
                    head = set_cell_size(word, width).rstrip() or word[:1]
                    lines[-1].append((SafeText(head), style))
                    lines.append([])
                    word = word[len(head) :]
                    size = width_of(word)
                lines[-1].append((SafeText(word), style))
                taken += size
    return lines


def _broken(text: str, width: int) -> Iterator[str]:
    for paragraph in text.split("\n"):
        if width_of(paragraph) <= width:
            yield paragraph
            continue
        line, taken = "", 0
        for word in _words(paragraph):
            size = width_of(word)
            if taken + size <= width or (word.isspace() and line):
                line, taken = line + word, taken + size
                continue
            if line.strip():
                yield line.rstrip()
            line, taken = "", 0
            while size > width:
                head = set_cell_size(word, width).rstrip() or word[:1]
                yield head
                word = word[len(head) :]
                size = width_of(word)
            if not word.isspace():
                line, taken = word, size
        if line.strip():
            yield line.rstrip()


def _words(text: str) -> Sequence[str]:
    words: list[str] = []
    start = 0
    for at in range(1, len(text)):
        if (text[at] == " ") != (text[at - 1] == " "):
            words.append(text[start:at])
            start = at
    words.append(text[start:])
    return words
