"""Building and writing 100,000 examples: speed, and memory that does not grow with the dataset.

`python -m bench.dataset.files`. Budget: 50 MB/s for writing; the floor beside it is `json.dumps` of ready dictionaries.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from bench.dataset.talk import chat, seconds
from core.chat import Example
from core.dataset.examples import Build
from core.dataset.export import write
from core.dataset.material import material_of, scan
from core.dataset.recipe import Recipe

EXAMPLES = 100_000


def most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    material = material_of([chat(153_700)])
    recipe = Recipe(persona="Ana")
    print(f"scan of 153,700 messages   {seconds(lambda: scan(material, recipe)):6.2f} s")
    hits = scan(material, recipe)
    began = time.perf_counter()
    build = Build(material, recipe, hits)
    some = list(build)
    spent = time.perf_counter() - began
    print(f"building {len(some):,} examples  {spent:6.2f} s   {build.report}")

    def many() -> Iterator[Example]:
        return islice(cycle(some), EXAMPLES)

    ready = [{"messages": [{"role": line.role.value, "content": line.text} for line in one.lines]} for one in some]
    floor = seconds(lambda: [json.dumps(one, ensure_ascii=False).encode() for one in islice(cycle(ready), EXAMPLES)], 2)
    with tempfile.TemporaryDirectory() as folder:
        before = most_memory()
        for name in ("openai", "run", "prompt-completion", "sharegpt", "alpaca", "text"):
            place = Path(folder) / name
            spent = seconds(lambda name=name, place=place: write(many(), build.pinned, place, name, force=True), 2)
            size = sum(file.stat().st_size for file in place.iterdir()) / 1e6
            print(f"{name:<18} {size:6.1f} MB in {spent:5.2f} s: {size / spent:5.0f} MB/s   (at least 50)")
        print(f"json.dumps of ready dictionaries, nothing written: {floor:5.2f} s")
        print(f"memory before and after writing: {before} MB, {most_memory()} MB")


if __name__ == "__main__":
    main()
