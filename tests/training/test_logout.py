"""Whether logging out ends a worker: logind's words, read as logind reads them."""

from __future__ import annotations

import pytest

from core.training.backends.logout import ends_workers, verdict

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
SCOPE = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n"
SERVICE = "0::/system.slice/cron.service\n"


@pytest.mark.parametrize(
    ("told", "group", "lingers", "ends"),
    [
        ("KillUserProcesses=yes", SESSION, False, True),
        ("KillUserProcesses=yes", SESSION, True, True),  # linger saves the user's manager, not the session
        ("KillUserProcesses=yes", SCOPE, True, False),
        ("KillUserProcesses=yes", SCOPE, False, True),
        ("KillUserProcesses=yes", SERVICE, False, False),
        ("KillUserProcesses=no", SESSION, False, False),
        ("", SESSION, False, False),
        ("KillUserProcesses=no\nKillUserProcesses=yes", SESSION, False, True),  # the later line counts
        ("KillUserProcesses=yes\nKillExcludeUsers=root vera", SESSION, False, False),
        ("KillUserProcesses=yes\nKillOnlyUsers=nico", SESSION, False, False),
        ("KillUserProcesses=yes\nKillOnlyUsers=vera", SESSION, False, True),
    ],
)
def test_the_rule(told: str, group: str, lingers: bool, ends: bool) -> None:
    assert verdict(told, group, "vera", lingers=lingers) is ends


def test_this_machine_can_be_asked() -> None:
    assert ends_workers() in (True, False)
