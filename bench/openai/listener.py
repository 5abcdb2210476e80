"""Listening: what 10,000 events cost the follower, against fetching the same pages and nothing more.
`python -m bench.openai.listener`.

The provider is the tests' own, in another process. Told are processor seconds of the follower alone: for a backlog of
10,000 events, for a look at which nothing has happened once that many are known, and for a start with such a log.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVENTS = 10_000
LOOKS = 50


def serve() -> None:
    """A provider whose only job has said much."""
    from tests.cloud import server
    from tests.cloud.world import World

    world = World(plan=("running", *["running_on"] * 100_000))
    file = world.add_file("sinsonte-r-train.jsonl", b"{}\n", "fine-tune")
    job = world.create_job({"model": "lab-base", "training_file": file["id"], "metadata": {"sinsonte_run": "r"}})
    for n in range(EVENTS):
        data = {"step": n + 1, "total_steps": EVENTS, "train_loss": 1.0}
        world.say(job["id"], f"Step {n + 1}/{EVENTS}: training loss=1.00", data=data)
    world.stages[job["id"]] = []
    with server.running(world) as provider:
        print(json.dumps({"url": provider.url, "job": job["id"]}), flush=True)
        sys.stdin.read()


def main() -> int:
    """Measure and judge."""
    if sys.argv[1:] == ["--serve"]:
        serve()
        return 0
    from core import endpoints
    from core.settings import Endpoint
    from core.training import events
    from core.training.backends.openai import wanted
    from core.training.backends.openai.follower import Follower
    from tests.cloud import server

    words = [sys.executable, "-m", "bench.openai.listener", "--serve"]
    with (
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as provider,
        tempfile.TemporaryDirectory() as name,
    ):
        assert provider.stdout is not None and provider.stdin is not None
        there = json.loads(provider.stdout.readline())
        folder = Path(name)
        import os

        os.environ["LAB_KEY"] = server.KEY
        profile = endpoints.profile_for(Endpoint("lab", there["url"], "custom", "LAB_KEY"))
        wanted.write(folder, wanted.from_options({}, profile, run="r", model="lab-base"))
        wanted.Reached("file-0001", "", there["job"], True).write(folder)
        with endpoints.open_client(profile) as client:
            client.models.list()
            before = time.process_time()
            after = ""
            pages = 0
            while True:
                query = {"limit": 100, **({"after": after} if after else {})}
                page = client._client.get(  # pyright: ignore[reportPrivateUsage] - the bare transport is the floor
                    f"{there['url']}/fine_tuning/jobs/{there['job']}/events",
                    params=query,
                    headers={"Authorization": f"Bearer {server.KEY}"},
                ).json()
                pages += 1
                after = page["data"][-1]["id"]
                if not page["has_more"]:
                    break
            floor = time.process_time() - before
            with events.Writer(folder / events.FILE, same_attempt=True) as log:
                follower = Follower(folder, wanted.read(folder), profile, client, log, sleep=lambda _seconds: None)
                before = time.process_time()
                count = follower._drain()  # pyright: ignore[reportPrivateUsage] - one look is what is measured
                backlog = time.process_time() - before
                before = time.process_time()
                for _look in range(LOOKS):
                    follower._retrieve()  # pyright: ignore[reportPrivateUsage]
                    follower._drain()  # pyright: ignore[reportPrivateUsage]
                look = (time.process_time() - before) / LOOKS
            with events.Writer(folder / events.FILE, same_attempt=True) as log:
                before = time.process_time()
                Follower(folder, wanted.read(folder), profile, client, log)
                again = time.process_time() - before
        provider.stdin.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count} events in {pages} pages: {backlog:.2f} s of processor, {backlog / floor:.2f} of fetching them alone"
    )
    print(f"a look without news: {1000 * look:.1f} ms; a start with that log: {again:.2f} s; peak {peak:.0f} MB")
    return 0 if count >= EVENTS and backlog <= 6 * floor else 1


if __name__ == "__main__":
    sys.exit(main())
