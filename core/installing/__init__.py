"""Installing: what Sinsonte needs, built into `.venv` beside the code, a set at a time.

In: pyproject.toml (the sets), constraints.txt (the exact versions). Out: a `.venv` whose stamp names the sets that it
holds. Standard library only, since this runs before anything is installed: first under the launcher `./sinsonte`,
later on behalf of a command that discovers that it needs more (`core.installing.later`).

It knows nothing of chats, screens or commands beyond which command words need which set.
"""
