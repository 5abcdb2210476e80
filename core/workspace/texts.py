"""The texts of many messages, by row, outside of memory: a million of them as Python strings are 190 MB.

In: the texts as UTF-8, once, in order. Out: a sequence of texts. They lie in a file of the workspace that has no name
(0600, gone with the process however that ends) and are read from there in blocks; a few megabytes stay in memory, and
so does all of it where no such file can be made. What was read once does not change: an import or a deletion of another
process makes new texts, never other ones in this file. Knows no message.

Read, not mapped: pages of a mapped file count as resident, and a disk that fails kills whoever maps it.
"""

from __future__ import annotations

import errno
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SMALL: Final = 4 << 20  # bytes that stay in memory
_NEAR: Final = 128  # rows that are read with the one that is asked for: what is counted or shown reads on from there
_MANY: Final = 4_096  # rows that are read at once by who reads all


class _Block(NamedTuple):
    """Some texts as they were read; each is made when asked for."""

    first: int
    end: int
    starts: list[int]
    data: bytes

    def text(self, number: int) -> str:
        # What is no UTF-8 can only be in a damaged file, and is no reason to lose all else.
        return self.data[self.starts[number] : self.starts[number + 1]].decode(errors="replace")

    def all(self) -> list[str]:
        """All of them, in two thirds of the time."""
        data = self.data
        try:
            return [data[start:end].decode() for start, end in pairwise(self.starts)]
        except UnicodeDecodeError:
            return list(map(self.text, range(self.end - self.first)))


class Texts(Sequence[str]):
    """Texts by row. Threads may read at once."""

    def __init__(self, folder: Path, parts: Iterable[Sequence[bytes]], small: int = _SMALL) -> None:
        import numpy as np

        self._kept = bytearray()  # what follows the file's bytes
        self._file: int | None = None
        self._written = 0
        sizes: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        for part in parts:
            sizes.append(np.fromiter(map(len, part), np.int64, len(part)))
            self._kept += b"".join(part)
            if len(self._kept) > small:
                small = 0 if self._put_out(folder) else len(self._kept) * 2
        starts = np.cumsum(np.concatenate(sizes))
        # Half the size wherever that is enough.
        self._starts: NDArray[np.int64] | NDArray[np.uint32] = (
            starts.astype(np.uint32) if starts[-1] >> 32 == 0 else starts
        )
        self._block = _Block(0, 0, [], b"")

    def _put_out(self, folder: Path) -> bool:
        """Move what is in memory to the file; it stays in memory where that cannot be."""
        try:
            if self._file is None:
                with tempfile.TemporaryFile(dir=folder, buffering=0) as made:
                    self._file = os.dup(made.fileno())
                weakref.finalize(self, os.close, self._file)
            left, at = memoryview(self._kept), self._written
            while left:
                done = os.pwrite(self._file, left, at)
                left, at = left[done:], at + done
        except OSError:
            return False  # a full disk, or one where no file can be without a name
        self._kept, self._written = bytearray(), at
        return True

    def _read(self, first: int, end: int) -> _Block:
        starts: list[int] = self._starts[first : end + 1].tolist()
        begin, stop = starts[0], starts[-1]
        data = bytearray()
        while self._file is not None and begin + len(data) < min(stop, self._written):
            read = os.pread(self._file, min(stop, self._written) - begin - len(data), begin + len(data))
            if not read:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            data += read
        data += self._kept[max(0, begin - self._written) : max(0, stop - self._written)]
        return _Block(first, end, [one - begin for one in starts], bytes(data))

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        row = index + len(self) if index < 0 else index
        block = self._block  # looked at once: another thread may put its own there meanwhile
        if not block.first <= row < block.end:
            if not 0 <= row < len(self):
                raise IndexError(index)
            block = self._block = self._read(row, min(row + _NEAR, len(self)))
        return block.text(row - block.first)

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), _MANY):
            block = self._read(first, min(first + _MANY, len(self)))
            yield from block.all()
