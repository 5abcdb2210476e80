"""What a curator's decision costs at a million messages, beyond its write: `python -m bench.dataset.deciding [LINES]`.

The messages are in a real workspace in a temporary folder. Milliseconds are of the processor. Budget: single digits for
the decisions, the material with them and the scan of cleaning rules; the counters of the preview come on top, as after
any change.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.dataset.talk import seconds
from bench.reading.generator import generate
from core.workspace import chats, curation, material, recipe
from core.workspace.opening import Workspace, open_workspace

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000


def measure(workspace: Workspace) -> None:
    now = recipe.current(workspace)

    def look(name: str) -> None:
        having = seconds(lambda: material.of(workspace))
        scanned = seconds(lambda: material.hits(workspace, now))
        counted = seconds(lambda: recipe.counters(workspace))
        print(f"{name:<34}{1000 * having:9.1f}{1000 * scanned:9.1f}{1000 * counted:9.1f}")

    print(f"{'ms after':<34}{'material':>9}{'scan':>9}{'counters':>9}")
    look("opening")
    uids = material.of(workspace).uids
    some = [uids[row] for row in range(0, len(uids), len(uids) // 50)]
    curation.decide(workspace, "drop", some[:1])
    look("the first decision (sorts the ids)")
    for what, value in (("drop", ""), ("keep", ""), ("edit", "otra cosa"), ("tag", "a"), ("weight", "3")):
        curation.decide(workspace, what, some[2:3], value)
        look(f"{what} one message")
    curation.undo(workspace)
    look("undo")
    many = uids[len(uids) // 10 : len(uids) // 5]
    curation.decide(workspace, "drop", many)
    look(f"drop {len(many):,} messages")
    curation.decide(workspace, "drop", some[3:4])
    look("one more, after those")
    curation.undo(workspace)
    look("undo")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "WhatsApp Chat with Meli.txt"
        once, _truth = generate("android-es-AR", min(LINES, 200_000), 7, plain=True)
        export.write_bytes(once * -(-LINES // 200_000))
        with open_workspace(Path(folder) / "workspace") as workspace:
            report = chats.import_file(workspace, export)
            recipe.change(workspace, {"persona": report.participants[0]})
            measure(workspace)


if __name__ == "__main__":
    main()
