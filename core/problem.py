"""What can go wrong, said so that a person can act on it.

A `Problem` is raised where the cause is known and shown once, at the edge: a command prints it as one line on
standard error, a screen as a notice. It never carries the contents of a chat or a key.
"""

from __future__ import annotations

import errno
from typing import Any, ClassVar, Final

from core.language import N_, _

# The system says these in the language of its own locales, which are seldom installed on servers.
_SYSTEM: Final = {
    errno.ENOENT: N_("No such file or directory"),
    errno.EACCES: N_("Permission denied"),
    errno.EPERM: N_("Operation not permitted"),
    errno.ENOSPC: N_("No space left on device"),
    errno.EDQUOT: N_("Disk quota exceeded"),
    errno.EROFS: N_("Read-only file system"),
    errno.EISDIR: N_("Is a directory"),
    errno.ENOTDIR: N_("Not a directory"),
    errno.ENAMETOOLONG: N_("File name too long"),
    errno.EEXIST: N_("File exists"),
    errno.EIO: N_("Input/output error"),
    errno.EMFILE: N_("Too many open files"),
    errno.EADDRINUSE: N_("Address already in use"),
    errno.ECONNREFUSED: N_("Connection refused"),
}


class Problem(Exception):
    """What happened, where, and what to do next. All three are already in the user's language.

    `exit_code` follows the command-line contract: 1 failed, 2 misuse, 3 refused for want of a confirmation.
    """

    SAYS: ClassVar[tuple[str, ...]] = ("what", "where", "advice", "exit_code")  # all of it, for another process

    def __init__(self, what: str, *, where: str = "", advice: str = "", exit_code: int = 1) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.advice = advice
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[Any, ...]:
        # For another process: as it is, whatever making it anew would ask for.
        return _as_it_was, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        said = f"{self.where}: {self.what}" if self.where else self.what
        return f"{said} {self.advice}" if self.advice else said


def _as_it_was(sort: type[Problem], args: tuple[Any, ...], state: dict[str, Any]) -> Problem:
    made = sort.__new__(sort, *args)
    made.__dict__.update(state)
    return made


class Misuse(Problem):
    """The request itself does not make sense: an unknown key, a window of −1."""

    def __init__(self, what: str, *, where: str = "", advice: str = "") -> None:
        super().__init__(what, where=where, advice=advice, exit_code=2)


class Refused(Problem):
    """A confirmation was needed and not given."""

    def __init__(self, what: str, *, where: str = "", advice: str = "") -> None:
        super().__init__(what, where=where, advice=advice, exit_code=3)


def system_words(error: BaseException) -> str:
    """Why the system refused, in the user's language and without a path; of another error only its kind."""
    if not isinstance(error, OSError):
        return type(error).__name__
    known = _SYSTEM.get(error.errno or 0)
    return _(known) if known else error.strerror or type(error).__name__
