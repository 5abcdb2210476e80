"""Runs at a provider, over the OpenAI fine-tuning protocol.

A run has a folder as a local one has. A small detached process, the follower (`follower.py`), uploads the files, creates
the job once, and writes what happens there into the same `events.jsonl`; it can end and be started again at any time
without losing or doubling an event. `starting.py` starts and stops it, `wanted.py` is the job as a file, `request.py`
how each provider wants to be asked, `upload.py`, `listener.py` and `results.py` one step each.

This package is not imported by `core.training` itself: the engine room reaches that one, and no network client.
"""

from core.training.backends.openai.starting import abilities as abilities
from core.training.backends.openai.starting import cancel as cancel
from core.training.backends.openai.starting import pause as pause
from core.training.backends.openai.starting import refresh as refresh
from core.training.backends.openai.starting import start as start
