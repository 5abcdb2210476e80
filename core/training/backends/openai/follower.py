"""The follower of one run at a provider: brings the files, has the job made once, and writes down what happens there.

In: a run folder with `cloud.json`, the files and a client. Out: `events.jsonl`, the same that a local worker writes, and
`status.json`, which says what is being waited for right now (a countdown that a screen can show without a new event a
second). It may be killed at any byte and started again: what exists at the provider is in `reached.json`, what was told
is in the log, and both are looked at first. Everything that can be waited out is waited out, for hours if need be.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from core import endpoints
from core.endpoints import Failure, Profile
from core.endpoints.answers import all_pages, count_in, object_of, page_of, table_in, text_in
from core.language import _
from core.problem import Problem
from core.safe_text import shown_in_line
from core.training import events
from core.training.backends.openai import listener, results, upload
from core.training.backends.openai.request import MARK, create_arguments
from core.training.backends.openai.telling import Teller
from core.training.backends.openai.wanted import Reached, Wanted, reached
from core.training.process import write_whole
from core.training.states import TERMINAL, State

if TYPE_CHECKING:
    import openai

Answer = TypeVar("Answer")
STATUS: Final = "status.json"
TRAIN: Final = "train.jsonl"
VALIDATION: Final = "validation.jsonl"
RESULTS: Final = "results.csv"
SLOWEST: Final = 30.0  # seconds between two looks at a job in which nothing happens
COMFORT: Final = 6  # tries for what a run that has succeeded can do without
LOOKS: Final = 2  # how often a job whose answer was lost is looked for before it is asked for again


def halt(folder: Path, why: str) -> None:
    """Say in the status that nobody follows the run until somebody mends this and asks for it again."""
    write_whole(
        folder / STATUS, json.dumps({"text": why, "cause": "halted", "until": 0.0}, ensure_ascii=False).encode()
    )


class Stopped(Exception):
    """Somebody asked the follower to go; the job goes on where it is."""


class Follower:
    """One run being followed."""

    def __init__(
        self,
        folder: Path,
        wanted: Wanted,
        profile: Profile,
        client: openai.OpenAI,
        log: events.Log,
        *,
        stop: Callable[[], bool] = lambda: False,
        poked: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.folder = folder
        self.wanted = wanted
        self.profile = profile
        self.client = client
        self.stop = stop
        self.poked = poked  # somebody asked for something at the provider: look at once
        self.sleep = sleep
        self.reached: Reached = reached(folder)
        self.teller = Teller(log, folder)
        self._waited = False
        self._halted = ""  # why the following stopped although the job may go on

    def work(self) -> State:
        """All of it, from wherever the last follower stopped to the end of the job."""
        try:
            if self.teller.state in TERMINAL:
                return self.teller.state
            self._status("", 0.0, "", 0)
            if not self.reached.job:
                self._bring_files()
                self._have_job()
            return self._listen()
        except Failure as failure:
            return self._give_up(failure)
        except Problem as problem:
            self.teller.problem("refused", problem.what, problem.advice)
            return self.teller.end(State.FAILED)
        finally:
            self._status(self._halted, 0.0, "halted" if self._halted else "", 0)

    # --- the steps -------------------------------------------------------------------------------------------------

    def _bring_files(self) -> None:
        """Both files, unless they lie there already."""
        for side, file in (("training_file", TRAIN), ("validation_file", VALIDATION)):
            path = self.folder / file
            if getattr(self.reached, side) or not path.is_file():
                continue
            name = f"sinsonte-{self.wanted.run}-{file}"
            size = path.stat().st_size
            self.teller.tell("upload", file=file, done=0, total=size)

            def once(path: Path = path, name: str = name, size: int = size) -> str:
                # Looked for at every try: the answer to the last one may be what was lost.
                there = upload.find(self.client, self.profile, name, size) if self.profile.can("files") else ""
                return there or upload.bring(self.client, self.profile, path, name, self._sent(path.name))

            found = self._call(once)
            setattr(self.reached, side, found)
            self.reached.write(self.folder)
            self.teller.tell("upload", file=file, done=size, total=size, remote=found)

    def _sent(self, file: str) -> upload.Progress:
        last = [time.monotonic()]

        def tell(done: int, total: int) -> None:
            if self.stop():
                raise Stopped
            now = time.monotonic()
            if now - last[0] >= 1.0 and done < total:
                last[0] = now
                self.teller.tell("upload", file=file, done=done, total=total)

        return tell

    def _have_job(self) -> None:
        """The job, made once: after an answer that was lost it is looked for before it is asked for again."""
        looks = LOOKS if self.reached.asked else 0
        attempt = 1
        while True:
            for look in range(looks):
                found = self._call(self._find_job)
                if found:
                    self._keep_job(found)
                    return
                if look + 1 < looks:
                    self._rest(min(5.0, 2 * self.wanted.poll))
            if not self.reached.asked:
                self.reached.asked = True
                self.reached.write(self.folder)
            told = create_arguments(self.wanted, self.profile, self.reached.training_file, self.reached.validation_file)
            try:
                made = endpoints.call(
                    lambda told=told: object_of(
                        self.client.fine_tuning.jobs.with_raw_response.create(**told), self.profile
                    ),
                    self.profile,
                    tries=1,
                )
            except Failure as failure:
                if not failure.retry:
                    raise
                attempt += 1
                self._wait_out(failure, attempt)
                looks = LOOKS
                continue
            self._keep_job(made)
            return

    def _find_job(self) -> dict[str, Any] | None:
        """The job that this run asked for, if the provider has it."""
        cursor = ""
        for _page in range(200):
            raw = self.client.fine_tuning.jobs.with_raw_response.list(extra_query=_page_from(cursor))
            entries, more = page_of(raw, self.profile)
            for one in entries:
                noted = table_in(one, "metadata").get(MARK) == self.wanted.run
                # The file was uploaded for this run alone, so it names the job where no note is kept.
                if noted or (one.get("training_file") == self.reached.training_file and self.reached.training_file):
                    return one
            cursor = text_in(entries[-1], "id") if entries else ""
            if not more or not cursor:
                return None
        return None

    def _keep_job(self, job: dict[str, Any]) -> None:
        name = text_in(job, "id")
        if not name:
            raise Failure(
                "broken", _("the server made a job and did not name it."), where=self.profile.name, retry=True
            )
        self.reached.job = name
        self.reached.write(self.folder)
        self.teller.job(job)

    def _listen(self) -> State:
        """Look again and again until the job is over; then once more, for the last words."""
        wait = self.wanted.poll
        while True:
            job = self._call(self._retrieve)
            told = self._drain()
            self.teller.job(job)
            before = self.teller.state
            now = self.teller.remote_state(text_in(job, "status"))
            if now in TERMINAL:
                self._rest(self.wanted.poll)
                self._drain()
                return self._finish(job, now)
            if now is State.PAUSED and before is not now:
                self._fetch_checkpoints()  # what it has learnt so far can be asked while it rests
            wait = self.wanted.poll if told else min(SLOWEST, max(self.wanted.poll, wait * 1.5))
            self._rest(wait * random.uniform(0.9, 1.0))

    def _retrieve(self) -> dict[str, Any]:
        return object_of(self.client.fine_tuning.jobs.with_raw_response.retrieve(self.reached.job), self.profile)

    def _drain(self) -> int:
        """Write down what has happened since the last look; how many events that was."""

        def ask(cursor: str) -> tuple[list[dict[str, Any]], bool]:
            query = _page_from(cursor)
            return self._call(
                lambda: page_of(
                    self.client.fine_tuning.jobs.with_raw_response.list_events(self.reached.job, extra_query=query),
                    self.profile,
                )
            )

        new = listener.fresh(ask, self.teller.known)
        for event in new:
            self.teller.event(event)
        return len(new)

    def _finish(self, job: dict[str, Any], now: State) -> State:
        if now is State.FAILED:
            self.teller.failed(job, self.wanted, self.profile)
        self._fetch_checkpoints()
        if now is not State.CANCELLED:
            self._fetch_results(job)
        if now is State.SUCCEEDED:
            self.teller.summary(job)
        return self.teller.end(now)

    def _fetch_checkpoints(self) -> None:
        if not self.profile.can("checkpoints"):
            return
        try:
            kept = self.client.fine_tuning.jobs.checkpoints.with_raw_response
            entries = self._call(
                lambda: all_pages(lambda query: kept.list(self.reached.job, extra_query=query), self.profile), COMFORT
            )
        except Failure as failure:
            self.teller.note(failure)
            return
        for one in sorted(entries, key=lambda entry: count_in(entry, "step_number")):
            self.teller.checkpoint(one)

    def _fetch_results(self, job: dict[str, Any]) -> None:
        files: Any = job.get("result_files")
        name = files[0] if isinstance(files, list) and files else ""  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(name, str) or not name or not self.profile.can("files"):
            return
        try:
            content = self._call(lambda: self._content(name), COMFORT)
        except Failure as failure:
            self.teller.note(failure)
            return
        write_whole(self.folder / RESULTS, content)
        self.teller.curves(results.points(content))

    def _content(self, name: str) -> bytes:
        with self.client.files.with_streaming_response.content(name) as answer:
            data = bytearray()
            for block in answer.iter_bytes(1 << 16):
                data += block
                if len(data) > results.LARGEST:
                    break
            return bytes(data)

    # --- waiting ---------------------------------------------------------------------------------------------------

    def _call(self, ask: Callable[[], Answer], tries: int = 0) -> Answer:
        """The answer, however long it takes (or after so many tries), where waiting can help."""
        if self.stop():
            raise Stopped
        answer = endpoints.call(
            ask, self.profile, tries=tries, may_be_text=True, tell=self._countdown, stop=self.stop, sleep=self.sleep
        )
        if self._waited:
            self._waited = False
            self.teller.tell("log", level="info", cause="back", text=_("the server answers again."))
            self._status("", 0.0, "", 0)
        return answer

    def _wait_out(self, failure: Failure, attempt: int) -> None:
        seconds = endpoints.pause_before(attempt, failure)
        if not endpoints.pause_for(seconds, failure, attempt, tell=self._countdown, stop=self.stop, sleep=self.sleep):
            raise Stopped

    def _countdown(self, left: float, failure: Failure, attempt: int) -> None:
        if not self._waited:
            # One event an outage: hours without a network must not fill the log.
            self._waited = True
            self.teller.tell("log", level="warning", cause=failure.kind, text=failure.what, seconds=round(left, 1))
        self._status(failure.what, left, failure.kind, attempt)

    def _rest(self, seconds: float) -> None:
        left = seconds
        while left > 0 and not self.poked():
            if self.stop():
                raise Stopped
            self.sleep(min(0.5, left))
            left -= 0.5
        if self.stop():
            raise Stopped

    def _status(self, text: str, left: float, cause: str, attempt: int) -> None:
        told = {
            "state": self.teller.state.value,
            "text": str(shown_in_line(text)),
            "cause": cause,
            "until": time.time() + left,
            "attempt": attempt,
        }
        write_whole(self.folder / STATUS, json.dumps(told, ensure_ascii=False).encode())

    def _give_up(self, failure: Failure) -> State:
        """What waiting cannot mend. Before there is a job the run has failed; after that only the following has."""
        if self.stop():
            raise Stopped
        if self.reached.job and failure.kind != "missing":
            again = _("The job goes on at the provider; `train resume` follows it again.")
            self.teller.problem(failure.kind, failure.what, f"{failure.advice} {again}")
            self._halted = failure.what
            return self.teller.state
        advice = failure.advice
        if failure.kind in ("forbidden", "refused") and self.reached.asked:
            advice = may_not_tune(self.profile, advice)
        self.teller.problem(failure.kind, failure.what, advice)
        return self.teller.end(State.FAILED)


def _page_from(cursor: str) -> dict[str, object]:
    return {"limit": str(listener.PAGE), **({"after": cursor} if cursor else {})}


def may_not_tune(profile: Profile, advice: str) -> str:
    """What to tell somebody whose organisation may be one that no longer tunes."""
    if profile.kind != "openai":
        return advice
    told = _(
        "OpenAI has closed fine-tuning to organisations that had not used it, and takes no new job after 2027-01-06; "
        "this may be one of them. The same dataset trains here: sinsonte train start DATASET --on local."
    )
    return f"{advice} {told}"
