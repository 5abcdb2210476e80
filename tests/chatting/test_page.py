"""docs/talking.md names what there is: every parameter, every preset, every trouble, every template."""

from __future__ import annotations

from pathlib import Path

from core.chatting import replies, templates
from core.chatting.manner import PARAMETERS, PRESETS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "talking.md").read_text(encoding="utf-8")
TROUBLES = replies.CAN_GO_ON | {replies.REFUSED, replies.UNREACHABLE, replies.FILTERED, replies.FOREIGN}


def test_the_page_names_everything() -> None:
    wanted = [f"--{name.replace('_', '-')}" for name in PARAMETERS]
    wanted += [f"`{one.name}`" for one in PRESETS]
    wanted += [f"`{kind}`" for kind in TROUBLES]
    wanted += [f"`{name}`" for name in templates.load()]
    assert [one for one in wanted if one not in PAGE] == []
