"""Building and writing 100,000 examples: speed, and memory that does not grow with the dataset.

`python -m bench.dataset.files`. Seconds are of the processor. Budget: 50 MB/s for writing.
"""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
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
    build = Build(material, recipe, hits)
    some: list[Example] = []
    spent = seconds(lambda: some.extend(build))
    print(f"building {len(some):,} examples  {spent:6.2f} s   {build.report}")

    def many() -> Iterator[Example]:
        return islice(cycle(some), EXAMPLES)

    ready = [{"messages": [{"role": line.role.value, "content": line.text} for line in one.lines]} for one in some]

    def dumped() -> None:
        for one in islice(cycle(ready), EXAMPLES):
            json.dumps(one, ensure_ascii=False).encode()

    with tempfile.TemporaryDirectory() as folder:
        before = most_memory()
        names = ["openai", "run", "prompt-completion", "sharegpt", "alpaca", "text"]
        names += ["parquet"] if find_spec("pyarrow") else []  # packed: its megabytes are those of the openai file
        for name in names:
            place = Path(folder) / name
            floor = seconds(dumped)
            spent = seconds(lambda name=name, place=place: write(many(), build.pinned, place, name, force=True), 2)
            measured = Path(folder) / "openai" if name == "parquet" else place
            size = sum(file.stat().st_size for file in measured.iterdir()) / 1e6
            print(
                f"{name:<18} {size:6.1f} MB in {spent:5.2f} s: {size / spent:5.0f} MB/s (at least 50); "
                f"{spent / floor:.2f} times json.dumps of ready dictionaries, nothing written"
            )
        print(f"memory before and after writing: {before} MB, {most_memory()} MB")


if __name__ == "__main__":
    main()
