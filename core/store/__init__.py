"""The one SQLite file of a workspace: opening it, its migrations, and one module for each noun that lasts.

SQL lives in this room only, and only `core.workspace` comes in. Functions that read take a `Store` (or the open
`Change`), functions that write take the `Change` that `Store.write()` gives: so one verb of the workspace is one
transaction, whatever it touches. Plain data goes in and out. This room knows nothing of exports, recipes' meaning,
engines or screens.
"""
