"""Uploading a file of 500 MB: ours against plain httpx2, and how much memory each takes. `python -m bench.openai.upload`.

Every upload is a process of its own, in turns, to a server of this machine that reads and forgets. The ratio is that of
the quickest of each (most of it is the kernel's copying, which other work on the machine slows at random); memory is the
highest resident set of the process, beside that of one that uploads 5 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ANSWER = b'{"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "f", "purpose": "fine-tune"}'


def forget(listener: socket.socket) -> None:
    """Read requests and answer them all alike."""
    buffer = bytearray(1 << 20)
    while True:
        try:
            line, _address = listener.accept()
        except OSError:
            return
        with line:
            head = b""
            while b"\r\n\r\n" not in head:
                head += line.recv(65536)
            text, _mark, rest = head.partition(b"\r\n\r\n")
            length = next(int(one[15:]) for one in text.split(b"\r\n") if one.lower().startswith(b"content-length:"))
            left = length - len(rest)
            while left > 0:
                left -= line.recv_into(buffer, min(left, len(buffer)))
            reply = [b"HTTP/1.1 200 OK", b"Content-Type: application/json", b"Connection: close"]
            reply.append(b"Content-Length: %d" % len(ANSWER))
            line.sendall(b"\r\n".join(reply) + b"\r\n\r\n" + ANSWER)


def ours(path: Path, url: str) -> None:
    """As the follower does it."""
    from core import endpoints
    from core.settings import Endpoint
    from core.training.backends.openai.upload import bring

    profile = endpoints.profile_for(Endpoint("here", url))
    with endpoints.open_client(profile) as client:
        assert client.files.with_raw_response  # the package imports this half of itself when it is first named
        begun = time.perf_counter(), time.process_time()
        bring(client, profile, path, "train.jsonl", lambda _done, _all: None)
        tell(begun)


def plain(path: Path, url: str) -> None:
    """As somebody would write it with httpx2 alone."""
    import httpx2

    with httpx2.Client(trust_env=False, timeout=60) as client, path.open("rb") as file:
        begun = time.perf_counter(), time.process_time()
        client.post(f"{url}/files", data={"purpose": "fine-tune"}, files={"file": ("train.jsonl", file)}).json()
        tell(begun)


def tell(begun: tuple[float, float]) -> None:
    """Seconds by the clock, those of the processor from the same moment on, and the highest resident set."""
    seconds = time.perf_counter() - begun[0]
    work = time.process_time() - begun[1]
    print(
        json.dumps(
            {"seconds": seconds, "work": work, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        )
    )


def one(how: str, path: Path, url: str) -> dict[str, Any]:
    """One upload in a process of its own."""
    words = [sys.executable, "-m", "bench.openai.upload", "--one", how, str(path), url]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("HOW", "FILE", "URL"))
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    if given.one:
        how, path, url = given.one
        {"ours": ours, "plain": plain}[how](Path(path), url)
        return 0
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=forget, args=(listener,), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "large", Path(folder) / "small"
        with large.open("wb") as file:
            for _block in range(given.megabytes):
                file.write(b"x" * 1_000_000)
        small.write_bytes(b"x" * 5_000_000)
        floor = one("ours", small, url)["peak"]
        told: dict[str, list[dict[str, Any]]] = {"ours": [], "plain": []}
        for _round in range(given.rounds):
            for how in ("ours", "plain"):
                told[how].append(one(how, large, url))
    listener.close()
    seconds = {how: min(one["seconds"] for one in rows) for how, rows in told.items()}
    peak = {how: max(one["peak"] for one in rows) for how, rows in told.items()}
    work = {how: min(one["work"] for one in rows) for how, rows in told.items()}
    ratio = seconds["plain"] / seconds["ours"]
    grown = (peak["ours"] - floor) / 1e6
    for how in ("ours", "plain"):
        print(
            f"{how:6} {given.megabytes / seconds[how]:8.0f} MB/s   {work[how]:.3f} s of processor"
            f"   peak {peak[how] / 1e6:6.1f} MB"
        )
    print(f"by the processor ours is {work['plain'] / work['ours']:.2f} of plain httpx2")
    print(f"ours is {ratio:.2f} of plain httpx2 (at least 0.9); {grown:+.1f} MB more than for 5 MB (at most 8)")
    return 0 if ratio >= 0.9 and grown <= 8 else 1


if __name__ == "__main__":
    sys.exit(main())
