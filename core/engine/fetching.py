"""Fetching a base model from the model hub into its cache, once somebody has allowed it.

In: a name there ("org/model", or "org/model@revision"), a log, and whether to stop. Out: the folder in the cache, which a
later call with the same name finds without the network. A process of its own does it (`python -m core.engine fetch`), for
hours of download must end when a run is cancelled, and a thread of the hub's client cannot be ended. Files that came whole
stay and are not fetched again; of a part its client makes no use later, so it is taken away. The process that started it
looks at how the cache grows, tells it, and waits.

Looked at before a byte is fetched: that there are safetensors weights, and room on the disk for them. Only what a model is
opened from is fetched: many models also carry their weights in other formats. Knows nothing of torch.
"""

# pyright: basic

from __future__ import annotations

import contextlib
import errno
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from core.engine.problems import ModelProblem
from core.language import _
from core.training.events import Log

WANTED: Final = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.pickle")
UNWANTED: Final = ("*/*", "consolidated*")  # folders of other formats; the weights once more, in their makers' own form
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ANSWER: Final = 30.0  # seconds that the hub has to answer
_PART: Final = ".incomplete"  # how the hub's client names a file that has not come whole
_OLD: Final = 86400.0  # seconds
_LOOK: Final = 0.5  # seconds between two looks
_LAST: Final = 10.0  # seconds that it has to take its part of a file away
_TELL: Final = 10.0  # seconds between two lines of the log
_SPARE: Final = 1 << 28  # bytes of the disk that are left to others


class Stopped(Exception):
    """Somebody asked for the end."""


def revision_of(named: str) -> tuple[str, str | None]:
    """The name at the hub and the revision that stands behind an @."""
    name, at, revision = named.partition("@")
    return name, revision if at else None


# ── beside the download ─────────────────────────────────────────────────────────────────────────────────────────


def fetch(named: str, log: Log, stopped: Callable[[], bool]) -> None:
    """See that the model is in the cache. Raises Stopped; files that have come whole are kept for the next time."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "core.engine", "fetch", named],
        stdin=subprocess.PIPE,  # closed when this process ends, however it does: then the other ends too
        stdout=subprocess.PIPE,
        env={**os.environ, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
    )
    assert child.stdout is not None and child.stdin is not None
    told: list[dict[str, Any]] = []

    def listen() -> None:
        assert child.stdout is not None
        for line in child.stdout:
            told.append(json.loads(line))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        _watch(named, child, told, log, stopped)
    finally:
        child.terminate()
        try:
            child.wait(_LAST)
        except subprocess.TimeoutExpired:
            child.kill()  # inside its client's own machinery a signal may wait for as long as that likes
            child.wait()
        listener.join()
        child.stdin.close()
        child.stdout.close()
    for one in told:
        if "cause" in one:
            raise ModelProblem(one["cause"], one["what"], where=one["where"], advice=one["advice"])
    if not any("folder" in one for one in told):
        raise ModelProblem(
            "download",
            _("The process that downloads the model ended unexpectedly."),
            where=named,
            advice=_("Start again: files that came whole are kept."),
        )


def _watch(
    named: str, child: subprocess.Popen[bytes], told: list[dict[str, Any]], log: Log, stopped: Callable[[], bool]
) -> None:
    began = said = time.monotonic()
    at_first = None
    while child.poll() is None:
        time.sleep(_LOOK)
        if stopped():
            raise Stopped
        if not told or "bytes" not in told[0]:
            continue
        total, place = told[0]["bytes"], Path(told[0]["place"])
        done = min(total, told[0]["there"] + max(0, size_of(place) - told[0]["held"]))
        now = time.monotonic()
        if at_first is None:
            at_first, began = done, now
            if done < total:
                log.write("log", level="info", text=_said(named, done, total, 0.0))
        elif now - said >= _TELL and done < total:
            said = now
            log.write("log", level="info", text=_said(named, done, total, (done - at_first) / (now - began)))


def _said(named: str, done: int, total: int, speed: float) -> str:
    text = _("Downloading {name}: {done} of {total}").format(name=named, done=_size(done), total=_size(total))
    if speed <= 0:
        return text
    left = (total - done) / speed
    return text + _(", {speed:.1f} MB/s, {left} left").format(speed=speed / 1e6, left=_time(left))


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def _time(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600} h {whole % 3600 // 60} min" if whole >= 3600 else f"{whole // 60}:{whole % 60:02} min"


def size_of(folder: Path) -> int:
    """Bytes in the files of a folder, which others may take away meanwhile."""
    total = 0
    try:
        with os.scandir(folder) as found:
            for one in found:
                total += one.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        pass
    return total


# ── the process that downloads ──────────────────────────────────────────────────────────────────────────────────


def download(named: str) -> int:
    """Fetch it, and say on standard output what comes of it, one JSON object a line."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: _end())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _say(folder=_fetched(named))
    except ModelProblem as problem:
        _say(cause=problem.cause, what=problem.what, where=problem.where, advice=problem.advice)
    return 0


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    _end()


def _end() -> None:
    """End at once, and leave no gigabytes of a part behind: the hub's client would wait for its threads to do that."""
    mine = Path("/proc/self/fd")
    for number in mine.iterdir() if mine.is_dir() else ():
        with contextlib.suppress(OSError):
            if (file := number.readlink()).name.endswith(_PART):
                file.unlink()
    os._exit(1)


def _sweep(place: Path) -> None:
    """Take away parts that nobody has written to for a day: whoever fetched them was killed."""
    for file in place.glob(f"*{_PART}"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > _OLD:
                file.unlink()


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


def _fetched(named: str) -> str:
    import huggingface_hub
    from huggingface_hub import errors
    from huggingface_hub import try_to_load_from_cache as _in_cache

    name, revision = revision_of(named)
    try:
        info = huggingface_hub.HfApi().model_info(name, revision=revision, files_metadata=True, timeout=_ANSWER)
        sizes = {one.rfilename: one.size or 0 for one in info.siblings or ()}
        wanted = _chosen(named, list(sizes))
        place = Path(huggingface_hub.constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "blobs"
        kept = [one for one in wanted if isinstance(_in_cache(name, one, revision=info.sha), str)]
        total, there = sum(map(sizes.__getitem__, wanted)), sum(map(sizes.__getitem__, kept))
        _sweep(place)
        _room(named, place, total - there)
        _say(bytes=total, there=there, held=size_of(place), place=str(place))
        return huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=wanted)
    except errors.GatedRepoError:
        why, advice = _("its makers ask for terms to be accepted"), _("Accept them at the hub, and set HF_TOKEN.")
    except errors.RepositoryNotFoundError:
        why, advice = _("there is no model of this name"), _("Check the name; a private model also needs HF_TOKEN.")
    except errors.RevisionNotFoundError:
        why, advice = _("it has no such revision"), _("Name a branch, a tag or a commit behind the @.")
    except errors.HFValidationError:
        why, advice = _("this is no name at the hub"), _("Write it as organisation/model, or name a folder.")
    except (OSError, errors.HTTPError, errors.XetDownloadError) as error:  # pyright: ignore[reportPrivateImportUsage]
        if getattr(error, "errno", None) in _FULL:
            why, advice = _("the disk is full"), _("Make room and start again: files that came whole are kept.")
        else:
            why = _("the hub does not answer ({error})").format(error=_short(error))
            advice = _("Check the network and start again: files that came whole are kept.")
    raise ModelProblem(
        "download", _("The model could not be downloaded: {reason}.").format(reason=why), where=named, advice=advice
    )


def _short(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP {status}" if status else type(error).__name__


def _chosen(named: str, names: Sequence[str]) -> list[str]:
    """The files that a model is opened from; a Problem when there are none that may be."""
    top = [name for name in names if "/" not in name]
    if "config.json" not in top:
        raise ModelProblem(
            "model-folder",
            _("This holds no model: there is no config.json."),
            where=named,
            advice=_("Name a causal language model with safetensors weights."),
        )
    wanted = [name for name in top if _matches(name, WANTED) and not _matches(name, UNWANTED)]
    if not any(name.endswith(".safetensors") for name in wanted):
        pickles = any(_matches(name, _PICKLES) for name in top)
        raise ModelProblem(
            "weights-pickle" if pickles else "weights-missing",
            _("The weights of this model are pickle files, which can run code when they are opened.")
            if pickles
            else _("This model has no safetensors weights."),
            where=named,
            advice=_("Name a model with safetensors weights; nothing was downloaded."),
        )
    return wanted


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _room(named: str, place: Path, needed: int) -> None:
    there = place
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if needed + _SPARE > free and needed:
        raise ModelProblem(
            "disk",
            _("The model takes {needed}, and the disk of the model cache has {free} left.").format(
                needed=_size(needed), free=_size(free)
            ),
            where=named,
            advice=_("Make room, or set HF_HOME to a folder on another disk."),
        )
