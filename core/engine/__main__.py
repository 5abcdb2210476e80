"""The engine's door: `python -m core.engine mini|fetch|train|score|serve|plan|preview|merge ...`.

Listens for the request to stop before anything heavy is imported (that takes seconds), and turns whatever goes wrong
into one `problem` event with a cause and advice. Tracebacks go to standard error (the worker's log), without the values
of variables.
"""

# pyright: basic

from __future__ import annotations

import argparse
import contextlib
import errno
import hashlib
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

from core.language import _
from core.problem import Problem
from core.training import events, process
from core.training.backends import local
from core.training.events import Event

_stops: Final[list[int]] = []
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LAST_WORDS: Final = 3.0  # seconds that a dying process beside this one has to say of what
_waking: Final[list[bool]] = []  # filled while the heavy imports run: nothing is at stake then


class _StopNow(BaseException):
    """A stop that came before there was anything to finish."""


def _on_stop(number: int, _frame: FrameType | None) -> None:
    _stops.append(number)
    if _waking:
        _waking.clear()
        raise _StopNow


@contextlib.contextmanager
def _wake() -> Iterator[None]:
    """Imports of several seconds, which a stop ends at once; but not where others would wait for this process: they all
    stop together, before their first step."""
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    if _stops and alone:
        raise _StopNow
    if alone:
        _waking.append(True)
    try:
        yield
    finally:
        _waking.clear()


def main(words: list[str] | None = None) -> int:
    """Do what the words ask for; the answer is the exit status."""
    signal.signal(signal.SIGTERM, _on_stop)
    signal.signal(signal.SIGINT, _on_stop)
    warnings.filterwarnings("ignore")
    told = _words().parse_args(words)
    return int(told.do(told))


def _words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.engine")
    verbs = parser.add_subparsers(required=True)
    mini = verbs.add_parser("mini", help="build the embedded model from a corpus")
    mini.add_argument("--corpus", type=Path, required=True)
    mini.add_argument("--to", type=Path, required=True)
    mini.add_argument("--steps", type=int, default=900)
    mini.add_argument("--seed", type=int, default=0)
    mini.add_argument("--threads", type=int, default=0)
    mini.set_defaults(do=_mini)
    train = verbs.add_parser("train", help="carry out the run of a folder")
    train.add_argument("folder", type=Path)
    train.set_defaults(do=_train)
    score = verbs.add_parser("score", help="measure replies under a base and an adapter")
    score.add_argument("folder", type=Path)
    score.set_defaults(do=_score)
    serve = verbs.add_parser("serve", help="answer the OpenAI protocol")
    serve.add_argument("--socket", type=Path)
    serve.add_argument("--port", type=int)
    serve.add_argument("--key-file", type=Path)
    serve.add_argument("--plain", action="store_true")
    serve.add_argument("--base", required=True)
    serve.add_argument("--name", default="")
    serve.add_argument("--adapter", action="append", default=[], metavar="NAME=FOLDER")
    serve.add_argument("--idle", type=float, default=0.0)
    serve.add_argument("--threads", type=int, default=0)
    serve.set_defaults(do=_serve)
    plan = verbs.add_parser("plan", help="measure what the run of a folder would take")
    plan.add_argument("folder", type=Path)
    plan.set_defaults(do=_plan)
    preview = verbs.add_parser("preview", help="show what one example teaches")
    preview.add_argument("folder", type=Path)
    preview.add_argument("--example", type=int, default=0)
    preview.set_defaults(do=_preview)
    merge = verbs.add_parser("merge", help="make a base and an adapter one model")
    merge.add_argument("--base", required=True)
    merge.add_argument("--adapter", type=Path, required=True)
    merge.add_argument("--to", type=Path, required=True)
    merge.set_defaults(do=_merge)
    fetch = verbs.add_parser("fetch", help="download a base into the model cache")
    fetch.add_argument("name")
    fetch.set_defaults(do=_fetch)
    return parser


def _fetch(told: argparse.Namespace) -> int:
    from core.engine.fetching import download

    return download(told.name)


def _mini(told: argparse.Namespace) -> int:
    log = events.Printer(sys.stdout)

    def work() -> str:
        with _wake():
            from core.engine.mini import build
        build(told.corpus, told.to, log, steps=told.steps, seed=told.seed, threads=told.threads)
        return ""

    return guarded(log, work)


def _train(told: argparse.Namespace) -> int:
    folder: Path = told.folder
    if os.environ.get("RANK", "0") != "0":
        return _train_beside(folder)
    try:
        log = events.Writer(folder / events.FILE)
    except Problem as problem:
        print(problem, file=sys.stderr)  # the one who works on it stays the one who is written down
        return 1
    except OSError as error:
        print(f"{folder / events.FILE}: {error.strerror}", file=sys.stderr)
        return 1
    process.write(folder, process.of(os.getpid()))
    process.beat(folder)
    log.keep_room()
    with log:

        def work() -> str:
            log.write("state", state="running")
            with _wake():
                from core.engine.trainer import train
            try:
                return train(folder, log, lambda: local.read_wish(folder) if _stops else "")
            except RuntimeError as error:
                _trace(error)
                raise (_told_beside(folder, error) or error) from None

        return guarded(log, work, stopped=lambda: "cancelled" if local.read_wish(folder) == "cancel" else "paused")


def _train_beside(folder: Path) -> int:
    """One of several processes, not the one that writes: what goes wrong here is left for that one to tell."""

    class Left(events.Silent):
        def write(self, kind: str, **fields: Any) -> events.Event:
            if kind == "problem":
                process.write_whole(_left(folder, os.environ["RANK"]), json.dumps(fields).encode())
            return super().write(kind, **fields)

    log = Left()

    def work() -> str:
        with _wake():
            from core.engine.trainer import train
        return train(folder, log, lambda: local.read_wish(folder) if _stops else "")

    return guarded(log, work)


def _left(folder: Path, rank: str) -> Path:
    # By the launch: what an earlier attempt left must not be taken for this one's.
    mark = hashlib.sha256(
        (os.environ.get("TORCHELASTIC_RUN_ID", "") + os.environ.get("MASTER_PORT", "")).encode()
    ).hexdigest()
    return folder / f".problem-{mark[:12]}-{rank}.json"


def _told_beside(folder: Path, error: RuntimeError) -> Problem | None:
    """What a process beside this one died of: then our own error is only that it no longer answers."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return None
    from core.engine.problems import ModelProblem, peer_lost

    until = time.monotonic() + _LAST_WORDS
    while time.monotonic() < until:
        for path in folder.glob(_left(folder, "*").name):
            told = json.loads(path.read_bytes())
            path.unlink()
            return ModelProblem(str(told["cause"]), str(told["text"]), advice=str(told["advice"]))
        time.sleep(0.05)
    if peer_lost(error):
        return ModelProblem(
            "processes",
            _("Another of the processes that train together has gone."),
            advice=_("Its machine may have run out of memory, or lost the network; then resume the run."),
        )
    return None


def _score(told: argparse.Namespace) -> int:
    log = events.Printer(sys.stdout)

    def work() -> str:
        with _wake():
            from core.engine.scorer import score
        score(told.folder, log, lambda: bool(_stops))
        return "succeeded"

    return guarded(log, work)


def _serve(told: argparse.Namespace) -> int:
    log: events.Log = _Plain() if told.plain else events.Printer(sys.stdout)

    def work() -> str:
        with _wake():
            from core.engine.server import serve
        serve(told, log, lambda: bool(_stops))
        return "succeeded"

    return guarded(log, work)


def _plan(told: argparse.Namespace) -> int:
    log = events.Printer(sys.stdout)

    def work() -> str:
        with _wake():
            from core.engine.planning import plan
        plan(told.folder, log)
        return "succeeded"

    return guarded(log, work)


class _Plain:
    """For a server in the foreground: words for a person, on standard error."""

    def write(self, kind: str, **fields: Any) -> Event:
        if kind == "summary":
            where = fields["socket"] or f"http://127.0.0.1:{fields['port']}/v1"
            said = _("Serving {models} at {where}; Ctrl+C ends it.")
            print(said.format(models=", ".join(fields["models"]), where=where), file=sys.stderr, flush=True)
        elif kind == "problem":
            print(f"sinsonte: {fields['text']} {fields['advice']}".rstrip(), file=sys.stderr, flush=True)
        return Event(1, 1, 0.0, kind, fields)


def _preview(told: argparse.Namespace) -> int:
    log = events.Printer(sys.stdout)

    def work() -> str:
        with _wake():
            from core.engine.preview import preview
        preview(told.folder, told.example, log)
        return "succeeded"

    return guarded(log, work)


def _merge(told: argparse.Namespace) -> int:
    log = events.Printer(sys.stdout)

    def work() -> str:
        with _wake():
            from core.engine.merge import merge
        merge(told.base, told.adapter, told.to, log)
        return "succeeded"

    return guarded(log, work)


def guarded(log: events.Log, work: Callable[[], str], stopped: Callable[[], str] = lambda: "cancelled") -> int:
    """Do the work; say how it ended. Every error becomes one problem event: this is the process's edge."""
    try:
        state = work()
    except Problem as problem:
        cause = str(getattr(problem, "cause", "refused"))
        what = f"{problem.where}: {problem.what}" if problem.where else problem.what
        return _failed(log, cause, what, problem.advice)
    except _StopNow:
        state = stopped()
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    except (MemoryError, RuntimeError) as error:
        from core.engine.problems import cuda_trouble, out_of_memory

        _trace(error)
        if _no_room(error):
            return _disk(log)
        if out_of_memory(error):
            return _failed(
                log,
                "memory",
                _("Memory ran out."),
                _("Lower batch_size or context, choose a smaller base, or free memory; then resume the run."),
            )
        if cuda_trouble(error):
            return _failed(
                log,
                "cuda",
                _("The GPU or its driver failed."),
                _("Check it with nvidia-smi and that the driver is new enough for this torch; or set device=cpu."),
            )
        return _unforeseen(log, error)
    except OSError as error:
        _trace(error)
        return _disk(log) if _no_room(error) else _unforeseen(log, error)
    except Exception as error:  # noqa: BLE001 - the edge of the process: the traceback goes to its log
        _trace(error)
        return _disk(log) if _no_room(error) else _unforeseen(log, error)
    if state:
        log.write("end", state=state)
    return 0


def _no_room(error: BaseException) -> bool:
    """Whether a disk, a quota or a limit is full. safetensors tells it in words only: it writes from Rust."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return any(f"(os error {number})" in str(error) for number in _FULL)


def _disk(log: events.Log) -> int:
    return _failed(log, "disk", _("The disk is full."), _("Free some space, then resume the run."))


def _unforeseen(log: events.Log, error: BaseException) -> int:
    return _failed(
        log,
        "unforeseen",
        _("The engine met an error that nobody foresaw ({kind}).").format(kind=type(error).__name__),
        _("Its worker.log says more; resuming goes on from the last checkpoint."),
    )


def _failed(log: events.Log, cause: str, text: str, advice: str) -> int:
    fields: dict[str, Any] = {"cause": cause, "text": text, "advice": advice}
    for again in (False, True):
        try:
            if again and isinstance(log, events.Writer):
                log.make_room()  # a full disk: what was set aside for this
            log.write("problem", **fields)
            log.write("end", state="failed")
        except OSError:
            continue
        return 1
    print(f"{cause}: {text}", file=sys.stderr)
    return 1


def _trace(error: BaseException) -> None:
    # Frames only: an error's own text may quote what it choked on, and that may be somebody's chat.
    with contextlib.suppress(OSError):  # worker.log lies on the disk that may be full
        print(type(error).__name__, file=sys.stderr)
        traceback.print_tb(error.__traceback__, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
