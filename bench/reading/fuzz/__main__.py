"""Throw broken files at every reader: they may raise a Problem, and nothing else; they must end.

`python -m bench.reading.fuzz TARGET [-runs=1000000 ...]` with atheris installed (coverage guides it; further words are
libFuzzer's). Without atheris, or with `--plain SECONDS`, mutations of the seeds are drawn at random. Inputs that covered
something new are in `corpus/TARGET.zip` beside this file and are started from; `--keep FOLDER` makes that file anew out of
a folder that runs have filled (`FOLDER` as the first word after the target). A test reads them all. A crash leaves its
input in the current folder (`crash-*`), which belongs into a test.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from bench.reading.fuzz.seeds import SEEDS, WORDS, mutated, mutated_json, repacked

CORPUS = Path(__file__).parent / "corpus"
_STRUCTURED = {"telegram", "discord", "messenger", "chatgpt", "rows", "sheet"}
_PACKED = {"zip", "excel"}


def plain(kind: str, seconds: float) -> int:
    """Random mutations for so long; how many there were. A failure's input is written out before it is raised."""
    from bench.reading.fuzz.targets import target

    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    ends = time.monotonic() + seconds
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        once = target(kind, Path(folder))
        while time.monotonic() < ends:
            data = mutated(dice, SEEDS[kind])
            try:
                once(data)
            except BaseException:
                Path(f"crash-{kind}-{count}.bin").write_bytes(data)
                print(f"seed {seed}, execution {count}", file=sys.stderr)
                raise
            count += 1
    return count


def corpus(kind: str) -> list[bytes]:
    """What earlier runs found worth keeping."""
    if not (CORPUS / f"{kind}.zip").exists():
        return []
    with zipfile.ZipFile(CORPUS / f"{kind}.zip") as kept:
        return [kept.read(name) for name in kept.namelist()]


def _longest(kind: str) -> int:
    return 4096 if kind in _PACKED else 400


def keep(kind: str, folder: Path) -> int:
    """Make the corpus anew of a folder that runs have filled; how many inputs it has."""
    inputs = sorted({data for file in folder.iterdir() if len(data := file.read_bytes()) <= _longest(kind)})
    with zipfile.ZipFile(CORPUS / f"{kind}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as kept:
        for number, data in enumerate(inputs):
            kept.writestr(zipfile.ZipInfo(f"{number:04}"), data, zipfile.ZIP_DEFLATED)
    return len(inputs)


def guided(kind: str, words: list[str]) -> None:
    """Mutations that coverage guides; ends with the process."""
    atheris: Any = importlib.import_module("atheris")  # installed for this alone
    assert "core.reading" not in sys.modules, "imported already: nothing of it would guide"
    with atheris.instrument_imports(include=["core.reading"]):
        from bench.reading.fuzz.targets import target

    def structured(data: bytes, size: int, seed: int) -> bytes:
        dice = random.Random(seed)
        if dice.randrange(2):
            try:
                document: Any = json.loads(data)
            except (ValueError, RecursionError):
                document = None
            if isinstance(document, (dict, list)):
                for _change in range(dice.randint(1, 3)):
                    document = mutated_json(dice, document)
                made = json.dumps(document).encode()
                if len(made) <= size:
                    return made
        return atheris.Mutate(data, size)

    def packed(data: bytes, size: int, seed: int) -> bytes:
        dice = random.Random(seed)
        made = (
            repacked(dice, data, lambda inside: atheris.Mutate(inside, len(inside) + 64)) if dice.randrange(8) else None
        )
        return made if made is not None and len(made) <= size else atheris.Mutate(data, size)

    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as temporary:
        folder = Path(temporary)
        started = folder / "seeds"
        started.mkdir()
        for number, seed in enumerate(SEEDS[kind]):
            (started / f"{number}").write_bytes(seed)
        tokens = folder / "words"
        tokens.write_text("".join('"' + "".join(map("\\x{:02x}".format, word)) + '"\n' for word in WORDS))
        places = [word for word in words if not word.startswith("-")] or [str(folder)]
        for number, data in enumerate(corpus(kind)):
            (started / f"kept-{number}").write_bytes(data)
        options = [word for word in words if word.startswith("-")]
        arguments = [
            sys.argv[0],
            *places,
            str(started),
            f"-max_len={_longest(kind)}",
            f"-dict={tokens}",
            "-timeout=20",
            *options,
        ]
        mutator = structured if kind in _STRUCTURED else packed if kind in _PACKED else None
        more = {} if mutator is None else {"custom_mutator": mutator}
        atheris.Setup(arguments, target(kind, folder), **more)
        atheris.Fuzz()


def main() -> int:
    """Run what was asked for."""
    kind, *rest = sys.argv[1:] or ["detect"]
    if rest[:1] == ["--plain"]:
        print(f"{kind}: {plain(kind, float(rest[1]) if len(rest) > 1 else 60):,} executions")
        return 0
    if rest[:1] == ["--keep"]:
        print(f"{kind}: {keep(kind, Path(rest[1])):,} inputs")
        return 0
    guided(kind, rest)
    return 0


if __name__ == "__main__":
    sys.exit(main())
