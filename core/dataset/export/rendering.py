"""One example as one line of each format. In: an example and a recipe. Out: text. It opens no file.

Strings are put together around json's own C string writer: a dictionary made only to be written costs three times as
much. The spacing is that of `json.dumps`, which is that of the examples that providers document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring
from typing import Final

from core.chat import Example, Line, Role
from core.dataset.recipe import Recipe

Renderer = Callable[[Example], str]
_REMEMBERED: Final = 4_096  # texts whose JSON is kept: contexts overlap, so each is written some three times
# Half an emoji cannot be written as UTF-8, and these separators break readers that split lines as Python does: both are
# written as escapes, which every JSON reader turns back into the same text.
_HALVES: Final = re.compile("[\ud800-\udfff]")
_SEPARATORS: Final = ("\u2028", "\u2029", "\x85")
PROMPT_ENDS: Final[Mapping[str, str]] = {"arrow": " ->", "hashes": "\n\n###\n\n"}
STOPS: Final[Mapping[str, str]] = {"arrow": "\n", "hashes": " END"}
SOMEBODY: Final = "User"  # the stop's label where no question was seen and the recipe names none


def _quoting() -> Callable[[str], str]:
    """What writes a text as the inside of a JSON string, remembering the last few thousand."""
    known: dict[str, str] = {}

    def inside(text: str) -> str:
        found = known.get(text)
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[text] = encode_basestring(text)[1:-1]
        return found

    return inside


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"


def safe_json(text: str) -> bytes:
    """JSON text as bytes, in which every line is one line for every reader."""
    if not text.isascii():
        # Asked one by one: a search for any of them in one pattern takes ten times as long.
        for separator in _SEPARATORS:
            if separator in text:
                text = text.replace(separator, _escaped(separator))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _HALVES.sub(lambda found: _escaped(found[0]), text).encode()


def openai(_recipe: Recipe) -> Renderer:
    """Chat messages with roles; a reply of the context that is not to be learnt has weight 0."""
    inside = _quoting()

    def render(example: Example) -> str:
        parts: list[str] = []
        for line in example.lines:
            weight = ', "weight": 0' if line.role is Role.ASSISTANT and not line.trained else ""
            parts.append(f'{{"role": "{line.role.value}", "content": "{inside(line.text)}"{weight}}}')
        return f'{{"messages": [{", ".join(parts)}]}}'

    return render


def run(_recipe: Recipe) -> Renderer:
    """What a run folder holds: which lines are learnt is said of each, and the conversation is named."""
    inside = _quoting()

    def render(example: Example) -> str:
        parts: list[str] = []
        for line in example.lines:
            # Said of every reply: a trainer that finds nothing said learns them all.
            train = (', "train": true' if line.trained else ', "train": false') if line.role is Role.ASSISTANT else ""
            parts.append(f'{{"role": "{line.role.value}", "content": "{inside(line.text)}"{train}}}')
        return f'{{"messages": [{", ".join(parts)}], "conversation": {example.conversation}}}'

    return render


def prompt_completion(recipe: Recipe) -> Renderer:
    """Prompt and completion: labelled lines, a fixed end of the prompt, a leading space, a stop text.

    The system prompt is not written: these models know no roles. A prompt that can only ever hold one line needs no
    labels once it has an end of its own.
    """
    ending = PROMPT_ENDS.get(recipe.prompt_style)
    labelled = ending is None or recipe.context_turns > 1
    inside = _quoting()

    def written(line: Line) -> str:
        label = f"{inside(line.name)}: " if labelled and line.name else ""
        return label + inside(line.text)

    def render(example: Example) -> str:
        spoken = [line for line in example.lines if line.role is not Role.SYSTEM]
        reply = spoken[-1]
        # Put together in JSON already ("\\n" is a line break there), so that each line is escaped once.
        context = [written(line) for line in spoken[:-1]]
        if recipe.buffer_size == 0:
            prompt = ""
        elif ending is None:
            prompt = "\\n".join([*context, f"{inside(reply.name)}:"])
        else:
            prompt = "\\n".join(context) + inside(ending)
        stop = inside(stop_for(recipe, spoken)) if recipe.include_stop else ""
        return f'{{"prompt": "{prompt}", "completion": " {inside(reply.text)}{stop}"}}'

    return render


def _labelled(line: Line) -> str:
    return f"{line.name}: {line.text}" if line.name else line.text


def stop_for(recipe: Recipe, spoken: list[Line]) -> str:
    """What ends a completion: the recipe's own text, else what the style asks for, else the other's next label."""
    if recipe.stop:
        return recipe.stop
    if recipe.prompt_style in STOPS:
        return STOPS[recipe.prompt_style]
    name = recipe.other_label or next((line.name for line in reversed(spoken) if line.role is Role.USER), "")
    return f"\n{name or SOMEBODY}: "


def sharegpt(_recipe: Recipe) -> Renderer:
    """`conversations` with `from` and `value`, as ShareGPT and its readers have it."""
    inside = _quoting()
    who = {Role.SYSTEM: "system", Role.USER: "human", Role.ASSISTANT: "gpt"}

    def render(example: Example) -> str:
        parts = [f'{{"from": "{who[line.role]}", "value": "{inside(line.text)}"}}' for line in example.lines]
        return f'{{"conversations": [{", ".join(parts)}]}}'

    return render


def alpaca(_recipe: Recipe) -> Renderer:
    """`instruction`, `input`, `output`, with `system` and `history` where there are any."""
    inside = _quoting()

    def render(example: Example) -> str:
        spoken = [line for line in example.lines if line.role is not Role.SYSTEM]
        system = "".join(line.text for line in example.lines if line.role is Role.SYSTEM)
        asked = [line.text for line in spoken[:-1]]
        question = asked.pop() if asked else ""
        # History is pairs of question and answer; one that the persona opened begins with an empty question.
        pairs = ["", *asked] if len(asked) % 2 else asked
        history = ", ".join(f'["{inside(pairs[n])}", "{inside(pairs[n + 1])}"]' for n in range(0, len(pairs), 2))
        return (
            f'{{"instruction": "{inside(question)}", "input": "", "output": "{inside(spoken[-1].text)}", '
            f'"system": "{inside(system)}", "history": [{history}]}}'
        )

    return render


def text(recipe: Recipe) -> Renderer:
    """Labelled lines, an empty line after each example."""

    def render(example: Example) -> str:
        return "\n".join(_labelled(line) for line in example.lines) + "\n"

    return render
