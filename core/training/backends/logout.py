"""Whether logging out of this machine would end a worker: systemd's KillUserProcesses, read without being root.

In: nothing. Out: yes or no. A worker is a session of its own, which survives a closed terminal everywhere; but logind can
be told to end everything that a login has begun, and then only a scope of the user's own manager (kept alive by linger)
or a cluster's job survives. What cannot be asked counts as no: a warning that is mostly wrong is not read.
"""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path
from typing import Final

_PROPERTIES: Final = ("KillUserProcesses", "KillExcludeUsers", "KillOnlyUsers")
# The later files count more, as systemd reads them.
_FILES: Final = (
    "/usr/lib/systemd/logind.conf", "/usr/lib/systemd/logind.conf.d/*.conf", "/etc/systemd/logind.conf",
    "/run/systemd/logind.conf.d/*.conf", "/etc/systemd/logind.conf.d/*.conf",
)  # fmt: skip


def ends_workers() -> bool:
    """Whether a worker started from here would be ended by logging out."""
    try:
        group = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
        user = getpass.getuser()
    except (OSError, KeyError):
        return False
    told = _asked(["loginctl", "show-session", *(f"--property={name}" for name in _PROPERTIES)]) or _written()
    lingers = "Linger=yes" in _asked(["loginctl", "show-user", user, "--property=Linger"])
    return verdict(told, group, user, lingers=lingers)


def verdict(told: str, group: str, user: str, *, lingers: bool) -> bool:
    """The rule by itself: logind's words, the control group of this process, who one is, whether one lingers."""
    words = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    if words.get("KillUserProcesses", "").strip().lower() not in ("yes", "true", "1", "on"):
        return False
    if user in words.get("KillExcludeUsers", "root").split():
        return False
    only = words.get("KillOnlyUsers", "").split()
    if only and user not in only:
        return False
    if "/session-" in group:
        return True
    return "/user@" in group and not lingers  # the user's own manager ends with the last login unless it lingers


def _asked(words: list[str]) -> str:
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=3, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _written() -> str:
    lines: list[str] = []
    for pattern in _FILES:
        for file in sorted(Path("/").glob(pattern.lstrip("/"))):
            try:
                lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue
    return "\n".join(line.strip() for line in lines if not line.lstrip().startswith(("#", ";")))
