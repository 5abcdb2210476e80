"""The conversations screen, whole: what one can do is in its ancestors, one paragraph of keys each."""

from __future__ import annotations

from tui.screens.conversations.renewing import RenewingScreen


class ConversationsScreen(RenewingScreen):
    """Reading, deciding, finding."""

    PLACE = "messages"
