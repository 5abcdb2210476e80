"""How fast WhatsApp exports are read, against a floor and against other parsers, in one run.

`python -m bench.reading.speed [--lines 153700] [--peers] [--import]`. The floor is one regular expression over the bytes of
the file, for one format, with text decoded and nothing else. Peers are fetched as tests fetch them (bench/reading/peers.py);
each is started as a process of its own and timed by itself, after its imports. `--import` adds our whole import into a new
workspace: parse, store, index, read back, apply every cleaning rule, and count each kept text by a model's encoding; the
process that reads a big file beside is counted in, and memory is what both have at one time. Timings on a shared machine
are noisy: compare within one run only, by processor time.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.reading.generator import generate
from bench.reading.peers import peers

OURS = """
import json, sys, time, resource
sys.path.insert(0, sys.argv[2])
before = time.perf_counter(), time.process_time()
from core.reading import read_export
started = time.perf_counter(), time.process_time()
reading = read_export(sys.argv[1])
count = sum(len(batch.messages) for batch in reading)
print(json.dumps({
    "messages": count, "wall": time.perf_counter() - started[0], "cpu": time.process_time() - started[1],
    "import": started[0] - before[0], "MB": int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024,
}))
"""
FLOOR = r"""
import json, re, sys, time, resource
started = time.perf_counter(), time.process_time()
header = re.compile(rb"^(\d{1,2}/\d{1,2}/\d{4}), (\d{1,2}:\d\d) - (?:([^:\n]{1,100}): )?", re.M)
data = open(sys.argv[1], "rb").read()
times, found, last = {}, [], None
for match in header.finditer(data):
    if last:
        found.append((last[0], last[1], data[last[2]:match.start() - 1].decode()))
    day, clock, name = match.groups()
    key = day + clock
    if key not in times:
        times[key] = tuple(map(int, re.findall(rb"\d+", key)))
    last = name, times[key], match.end()
print(json.dumps({
    "messages": len(found) + 1, "wall": time.perf_counter() - started[0], "cpu": time.process_time() - started[1],
    "MB": int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024,
}))
"""
IMPORT = """
import json, os, resource, sys, threading, time
sys.path.insert(0, sys.argv[2])
from itertools import compress
from pathlib import Path
from core.counting import counter_for
from core.dataset.material import kept
from core.workspace import chats, material, recipe
from core.workspace.opening import open_workspace

def whole(folder, export):
    with open_workspace(folder) as workspace:
        report = chats.import_file(workspace, export, date_order="dmy")
        now = recipe.current(workspace)
        having = material.of(workspace)
        left = kept(having, now, material.hits(workspace, now)).kept.tolist()
        return report.messages, sum(map(counter_for("gpt-4o").text, compress(having.texts, left)))

# Imports of modules are not timed, as those of the others are not.
small = Path(sys.argv[3] + ".txt")
small.write_text("25/12/2023, 14:33 - Ana: hola\\n")
whole(Path(sys.argv[3] + "-small"), small)
most, watching = 0, threading.Event()

def resident(process):
    try:
        return int(open(f"/proc/{process}/status").read().split("VmRSS:")[1].split()[0])
    except (OSError, IndexError):
        return 0

def watch():
    global most
    while not watching.wait(0.02):
        children = open("/proc/thread-self/children").read() + open(f"/proc/self/task/{os.getpid()}/children").read()
        most = max(most, sum(map(resident, ["self", *set(children.split())])))

threading.Thread(target=watch, daemon=True).start()
started = time.perf_counter(), time.process_time()
messages, tokens = whole(Path(sys.argv[3]), Path(sys.argv[1]))
assert tokens
ended = time.perf_counter(), time.process_time()
watching.set()
beside = resource.getrusage(resource.RUSAGE_CHILDREN)  # the process that reads a big file
print(json.dumps({
    "messages": messages, "wall": ended[0] - started[0],
    "cpu": ended[1] - started[1] + beside.ru_utime + beside.ru_stime,
    "MB": max(most, int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])) / 1024,
}))
"""


def run(command: list[str]) -> dict[str, float] | str:
    """What a parser says of itself, or why it does not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    return (done.stderr.strip().splitlines() or ["nothing was said"])[-1][:100]


def main() -> int:
    """Time everything that is there."""
    options = argparse.ArgumentParser()
    options.add_argument("--lines", type=int, default=153_700)
    options.add_argument("--peers", action="store_true", help="beside other parsers")
    options.add_argument("--import", action="store_true", dest="whole", help="the whole import, too")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument(
        "--hard", action="store_true", help="with everything that is hard to read, not two people's talk"
    )
    asked = options.parse_args()
    root = str(Path(__file__).parent.parent.parent)
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "WhatsApp Chat with Meli.txt"
        # Talk is repeated: making a million lines one by one takes longer than all parsers together. Not for an import,
        # which would tell the repeated messages apart and put them in order.
        most = asked.lines if asked.whole else 200_000
        once, truth = generate("android-es-AR", min(asked.lines, most), 7, plain=not asked.hard)
        times = -(-asked.lines // most)
        export.write_bytes(once * times)
        print(f"{asked.lines:,} lines, {export.stat().st_size / 1e6:.1f} MB, {len(truth) * times:,} messages")
        commands = {
            "floor (one format, bytes finditer)": [sys.executable, "-c", FLOOR, str(export)],
            "Sinsonte": [sys.executable, "-c", OURS, str(export), root],
        }
        if asked.peers:
            commands |= {name: peer(export, timed=True) for name, peer in peers().items()}
        if asked.whole:
            commands["Sinsonte, whole import"] = [sys.executable, "-c", IMPORT, str(export), root, f"{folder}/new"]
        best: dict[str, dict[str, float] | str] = {}
        for _round in range(asked.rounds):
            for name, command in commands.items():
                shutil.rmtree(f"{folder}/new", ignore_errors=True)
                found = run(command)
                before = best.get(name)
                if isinstance(found, str) or before is None or isinstance(before, str) or found["cpu"] < before["cpu"]:
                    best[name] = found
    print(f"{'':36}{'wall s':>8}{'cpu s':>8}{'MB':>7}{'messages':>10}")
    for name, figures in best.items():
        if isinstance(figures, str):
            print(f"{name:36}{figures}")
        else:
            print(
                f"{name:36}{figures['wall']:8.2f}{figures['cpu']:8.2f}{figures['MB']:7.0f}{int(figures['messages']):10,}"
            )
    return 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
