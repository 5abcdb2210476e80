"""What a process that is started beside another may see: everything but secrets, and where `core` is.

In: the environment of this process, and the one endpoint that the new one is to ask, if any. Out: the environment of the
new one. It reads no key: the one variable that may hold it is handed on as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.settings import Endpoint

_SECRET: Final = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|COOKIE|_PAT$|DATABASE_URL", re.IGNORECASE)
_NOT_SECRET: Final = frozenset({"TOKENIZERS_PARALLELISM"})


def without_keys(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """For one that has no business with keys."""
    before = os.environ if given is None else given
    kept = {name: value for name, value in before.items() if name in _NOT_SECRET or not _SECRET.search(name)}
    kept["PYTHONNOUSERSITE"] = "1"
    kept["PYTHONSAFEPATH"] = "1"  # what -P does, for processes that a launcher starts in a run folder
    # It may start in another folder, so the place that `core` came from must be said.
    house = str(Path(__file__).parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join([house, *filter(None, [before.get("PYTHONPATH", "")])])
    return kept


def with_key_of(endpoint: Endpoint) -> dict[str, str]:
    """For one that asks this endpoint: its key and no other."""
    kept = without_keys()
    variable = endpoint.api_key_env
    for name in (variable, f"{variable}_FILE"):
        if variable and name in os.environ:
            kept[name] = os.environ[name]
    return kept
