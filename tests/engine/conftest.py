"""The engine in this very process: its modules are imported by no other room's tests."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported, as for a worker
os.environ.setdefault("HF_HUB_OFFLINE", "1")
