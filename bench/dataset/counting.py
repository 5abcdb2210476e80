"""Counting against a plain tiktoken loop, cold and warm, and recounting after a change of a window.

`python -m bench.dataset.counting [LINES]`. Each cold figure is a process of its own: imports, vocabulary, counting. The
loop gets its vocabulary from the same file as we do, ready decompressed would be unfair to neither: both unpack it.
Budgets: at most 1.1 times the loop; at most 300 ms after a change of a window.
"""

from __future__ import annotations

import subprocess
import sys

from bench.dataset.talk import chat, seconds
from core.counting import counter_for, vocabulary
from core.counting.recount import Recount
from core.dataset.examples import Build
from core.dataset.material import material_of, scan
from core.dataset.recipe import Recipe

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 153_700
_TEXTS = (
    "from bench.dataset.talk import chat; texts = [m.text for m in chat({lines})[1]]; "
    "import time; t = time.perf_counter()"
)
_LOOP = (
    "import tiktoken; from core.counting import vocabulary as v; "
    "e = tiktoken.Encoding('x', pat_str=v._PATTERNS['{name}'], mergeable_ranks=v.ranks('{name}'), special_tokens={{}}); "
    "n = sum(len(e.encode_ordinary(x)) for x in texts); print(time.perf_counter() - t, n)"
)
_OURS = (
    "from core.counting import counter_for; c = counter_for('{model}'); "
    "n = sum(c.text(x) for x in texts); print(time.perf_counter() - t, n)"
)


def cold(code: str) -> tuple[float, int]:
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return float(told[0]), int(told[1])


def main() -> None:
    print(f"{LINES:,} messages; cold: import, vocabulary and counting, least of three, taken in turn")
    for model, name in (("gpt-4o", "o200k_base"), ("gpt-4", "cl100k_base")):
        loops, ours = [], []
        for _again in range(3):
            texts = _TEXTS.format(lines=LINES)
            loops.append(cold(f"{texts}; {_LOOP.format(name=name)}"))
            ours.append(cold(f"{texts}; {_OURS.format(model=model)}"))
        loop, own = min(loops), min(ours)
        print(
            f"{name:<12} tiktoken loop {loop[0]:.2f} s, ours {own[0]:.2f} s: {own[0] / loop[0]:.2f} times (at most 1.1)"
        )
        assert loop[1] == own[1], "counts differ"

    texts = [message.text for message in chat(LINES, seed=8)[1]]
    for name in ("o200k_base", "cl100k_base"):
        reference, quick = vocabulary.encoding(name).encode_ordinary, vocabulary.counting(name)
        print(f"{name:<12} differences in {len(texts):,} texts: {sum(len(reference(x)) != quick(x) for x in texts)}")

    material = material_of([chat(LINES)])
    recipe = Recipe(persona="Ana")
    hits = scan(material, recipe)
    recount = Recount(material, counter_for("gpt-4o"))
    print(f"first recount, everything  {1000 * seconds(lambda: recount.totals(Build(material, recipe, hits))):7.0f} ms")
    for change in (
        {"burst_window": "50m"}, {"burst_window": "30m"}, {"conversation_gap": "2h"}, {"conversation_gap": "6h"},
        {"buffer_size": 6}, {"validation": 0.2}, {"burst_window": "2m"},
    ):  # fmt: skip
        other = recipe.changed(change)
        spent = seconds(lambda other=other: recount.totals(Build(material, other, hits)))
        said = ", ".join(f"{name}={value}" for name, value in change.items())
        print(f"after {said:<22}{1000 * spent:7.0f} ms   (at most 300)")


if __name__ == "__main__":
    main()
