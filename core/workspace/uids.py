"""The stable ids of many messages, 10 bytes each, as texts and by row.

In: the ids of the material's rows, packed. Out: a sequence of texts of 20 hexadecimal digits, made when asked for (a
million of them as texts would be 70 MB), and the rows of given ids. Knows no message.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE: Final = 10


class Uids(Sequence[str]):
    """Stable ids by row."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    @property
    def packed(self) -> bytes:
        """All of them, ten bytes each."""
        return self._packed

    def __len__(self) -> int:
        return len(self._packed) // SIZE

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self._packed[place * SIZE : (place + 1) * SIZE].hex()

    def rows(self, wanted: bytes) -> list[int]:
        """The rows that bear these packed ids, in their order; ids that no row bears are passed over."""
        import numpy as np

        if not len(self) or not wanted:
            return []
        keys, order = self._sorted
        asked = _keys(wanted)
        places = np.searchsorted(keys, asked)
        found: list[int] = []
        for number, (place, key) in enumerate(zip(places.tolist(), asked.tolist(), strict=True)):
            here = place
            # Ids whose first eight bytes are the same stand side by side; ten thousand million messages have one such pair.
            while here < len(keys) and keys[here] == key:
                row = int(order[here])
                if self._packed.startswith(wanted[number * SIZE : (number + 1) * SIZE], row * SIZE):
                    found.append(row)
                    break
                here += 1
        return found

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
        """The ids' first eight bytes, sorted, and the row of each: 0.1 s for a million, once, when first decided."""
        import numpy as np

        keys = _keys(self._packed)
        order = np.argsort(keys)
        return keys[order], order


def _keys(packed: bytes) -> NDArray[np.uint64]:
    import numpy as np

    table = np.frombuffer(packed, np.uint8).reshape(-1, SIZE)
    return np.ascontiguousarray(table[:, :8]).view(np.uint64).ravel()
