"""The shape of the database, as numbered steps. In: a connection; out: the same, at the newest version.

A migration that has been released is never edited: the next one changes what it made. Each runs whole in one
BEGIN IMMEDIATE together with `PRAGMA user_version` and `application_id`, so a process killed between any two statements
leaves the version before it, and the next start does it again. Backups and locks are the
caller's (core/store/opening.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.store import signs
from core.store.sqlite import sqlite3

# "Snst": says whose file this is (`file sinsonte.db` shows it), and refuses somebody else's.
APPLICATION_ID = 0x536E7374

Step = str | Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered change; its number is its place in the list, from 1."""

    name: str
    steps: tuple[Step, ...]


def nobody_watches(_number: int) -> None:
    """What `on_step` is outside the tests."""


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last migration that the file has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def run(connection: sqlite3.Connection, number: int, migration: Migration, on_step: Callable[[int], None]) -> None:
    """Do migration `number` whole, or not at all. `on_step` is told before each statement, for the tests that kill."""
    # A migration may rebuild a table that others refer to; what it leaves is checked before the commit instead.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        tail = (f"PRAGMA user_version = {number}", f"PRAGMA application_id = {APPLICATION_ID}")
        for place, step in enumerate((*migration.steps, *tail)):
            on_step(place)
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise sqlite3.IntegrityError(f"migration {number} ({migration.name}) leaves rows that refer to nothing")
        on_step(len(migration.steps) + len(tail))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def run_all(
    connection: sqlite3.Connection,
    migrations: Sequence[Migration],
    on_step: Callable[[int], None] = nobody_watches,
) -> None:
    """Bring the file from its version to the newest."""
    for number in range(version_of(connection) + 1, len(migrations) + 1):
        run(connection, number, migrations[number - 1], on_step)


# Why the tables are as they are: docs/store.md. Times named *_at are unix seconds of this machine, but
# messages.sent_at is the chat's own wall clock (core/chat.py).
_FIRST: tuple[Step, ...] = (
    """CREATE TABLE chats (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE, -- the same for the same chat on every machine
        title TEXT NOT NULL,
        platform TEXT NOT NULL,
        source_id TEXT NOT NULL DEFAULT '',
        created_at INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE participants (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        consent TEXT NOT NULL DEFAULT 'unknown' CHECK (consent IN ('unknown', 'given', 'refused')),
        consent_by TEXT NOT NULL DEFAULT '',
        consent_at INTEGER
    ) STRICT""",
    # The name as exported. Joining two participants changes participant_id here and touches no message.
    """CREATE TABLE names (
        id INTEGER PRIMARY KEY,
        chat_id INTEGER NOT NULL REFERENCES chats (id),
        name TEXT NOT NULL,
        participant_id INTEGER NOT NULL REFERENCES participants (id),
        UNIQUE (chat_id, name)
    ) STRICT""",
    "CREATE INDEX names_by_participant ON names (participant_id)",
    # Whose messages a later import must leave out: a digest of chat and name, the name itself being forgotten.
    "CREATE TABLE forgotten (author BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE imports (
        id INTEGER PRIMARY KEY,
        chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
        file TEXT NOT NULL, -- its name without the folder
        sha256 TEXT NOT NULL,
        format TEXT NOT NULL,
        imported_at INTEGER NOT NULL,
        report TEXT NOT NULL CHECK (json_valid(report))
    ) STRICT""",
    "CREATE INDEX imports_by_chat ON imports (chat_id)",
    # name_id carries no REFERENCES: without an index on it, each deleted name would read the whole table.
    # backups.check looks for names that are missing.
    """CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        uid BLOB NOT NULL,
        chat_id INTEGER NOT NULL REFERENCES chats (id),
        place INTEGER NOT NULL, -- 0, 1, 2 ... without gaps in the order of the chat
        sent_at INTEGER NOT NULL,
        name_id INTEGER, -- NULL for a line that names nobody
        kind INTEGER NOT NULL,
        marks INTEGER NOT NULL,
        text TEXT NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX messages_by_uid ON messages (uid)",
    "CREATE INDEX messages_by_place ON messages (chat_id, place)",
    """CREATE VIRTUAL TABLE messages_fts USING fts5 (
        text, content = 'messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    )""",
    """CREATE TABLE settings (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL CHECK (json_valid(value))
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE recipes (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        body TEXT NOT NULL CHECK (json_valid(body)),
        hash TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (name, version)
    ) STRICT""",
    """CREATE TABLE acts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of the acts, so a number is never used twice
        label TEXT NOT NULL,
        at INTEGER NOT NULL,
        state INTEGER NOT NULL DEFAULT 0 -- 0 stands, 1 undone, 2 undone and out of reach of redo
    ) STRICT""",
    "CREATE INDEX acts_undone ON acts (state, id) WHERE state = 1",
    # uids is all messages of the decision in one blob, 10 bytes each: dropping a million is one row.
    """CREATE TABLE decisions (
        id INTEGER PRIMARY KEY,
        act_id INTEGER NOT NULL REFERENCES acts (id) ON DELETE CASCADE,
        what TEXT NOT NULL,
        value TEXT NOT NULL DEFAULT '',
        uids BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX decisions_by_act ON decisions (act_id)",
    """CREATE TABLE datasets (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        recipe TEXT NOT NULL CHECK (json_valid(recipe)),
        recipe_hash TEXT NOT NULL,
        digest TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        counts TEXT NOT NULL CHECK (json_valid(counts)),
        tainted INTEGER NOT NULL DEFAULT 0 -- holds messages that were forgotten since
    ) STRICT""",
    # uids is the lineage: the messages of the lines one after the other, 10 bytes each.
    """CREATE TABLE examples (
        id INTEGER PRIMARY KEY,
        dataset_id INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
        n INTEGER NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('train', 'validation')),
        conversation INTEGER NOT NULL,
        body TEXT NOT NULL CHECK (json_valid(body)),
        uids BLOB NOT NULL,
        UNIQUE (dataset_id, n)
    ) STRICT""",
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        dataset_id INTEGER REFERENCES datasets (id),
        backend TEXT NOT NULL,
        base TEXT NOT NULL,
        state TEXT NOT NULL,
        attempt INTEGER NOT NULL DEFAULT 1,
        step INTEGER NOT NULL DEFAULT 0,
        steps INTEGER NOT NULL DEFAULT 0,
        pid INTEGER,
        process_started INTEGER,
        folder TEXT NOT NULL, -- from the workspace's folder
        options TEXT NOT NULL CHECK (json_valid(options)),
        created_at INTEGER NOT NULL,
        ended_at INTEGER,
        model TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    "CREATE INDEX runs_by_dataset ON runs (dataset_id)",
    """CREATE TABLE events (
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        attempt INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL CHECK (json_valid(body)),
        PRIMARY KEY (run_id, attempt, seq)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
       BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END""",
    # ON DELETE CASCADE deletes the run first, so events go with their run and never alone.
    """CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
       WHEN EXISTS (SELECT 1 FROM runs WHERE id = OLD.run_id)
       BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END""",
    """CREATE TABLE models (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('base', 'adapter', 'remote')),
        base TEXT NOT NULL DEFAULT '',
        base_sha256 TEXT NOT NULL DEFAULT '',
        run_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
        dataset_id INTEGER REFERENCES datasets (id),
        folder TEXT NOT NULL DEFAULT '',
        details TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(details)),
        created_at INTEGER NOT NULL,
        tainted INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX models_by_run ON models (run_id)",
    "CREATE INDEX models_by_dataset ON models (dataset_id)",
    """CREATE TABLE lease (
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (host, boot, pid, started)
    ) STRICT, WITHOUT ROWID""",
)

# A talk is a tree: each message hangs on the one that it answers, an edit or a second reply is a sibling. A lane is one
# model's way through it, from its leaf up; two models side by side are two lanes of one talk.
_TALKS: tuple[Step, ...] = (
    """CREATE TABLE talks (
        id INTEGER PRIMARY KEY,
        title TEXT NOT NULL DEFAULT '',
        system TEXT NOT NULL DEFAULT '',
        manner TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(manner)),
        created_at INTEGER NOT NULL,
        changed_at INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX talks_by_change ON talks (changed_at)",
    """CREATE TABLE talk_messages (
        id INTEGER PRIMARY KEY,
        talk_id INTEGER NOT NULL REFERENCES talks (id) ON DELETE CASCADE,
        parent_id INTEGER REFERENCES talk_messages (id) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        text TEXT NOT NULL,
        at REAL NOT NULL,
        model TEXT NOT NULL DEFAULT '',
        finish TEXT NOT NULL DEFAULT '', -- as the server said it; of a reply, '' is one that was cut off
        trouble TEXT NOT NULL DEFAULT '', -- how it went wrong
        prompt_tokens INTEGER NOT NULL DEFAULT 0,
        reply_tokens INTEGER NOT NULL DEFAULT 0,
        first_token REAL, -- seconds until the first piece
        seconds REAL, -- until the last
        cost REAL, -- US dollars
        manner TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(manner))
    ) STRICT""",
    "CREATE INDEX talk_messages_by_parent ON talk_messages (talk_id, parent_id)",
    "CREATE INDEX talk_messages_of_parent ON talk_messages (parent_id)",  # deleting asks for children alone
    """CREATE TABLE talk_lanes (
        talk_id INTEGER NOT NULL REFERENCES talks (id) ON DELETE CASCADE,
        lane INTEGER NOT NULL,
        model TEXT NOT NULL,
        leaf_id INTEGER REFERENCES talk_messages (id) ON DELETE SET NULL,
        PRIMARY KEY (talk_id, lane)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX talk_lanes_by_leaf ON talk_lanes (leaf_id)",
    """CREATE VIRTUAL TABLE talk_fts USING fts5 (
        text, content = 'talk_messages', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
    )""",
    # What somebody wrote in place of a reply. It outlives the talk: a dataset may have been made with it.
    """CREATE TABLE corrections (
        id INTEGER PRIMARY KEY,
        prompt TEXT NOT NULL CHECK (json_valid(prompt)), -- what the model had been given, system prompt included
        chosen TEXT NOT NULL,
        rejected TEXT NOT NULL,
        model TEXT NOT NULL,
        talk_id INTEGER REFERENCES talks (id) ON DELETE SET NULL,
        message_id INTEGER REFERENCES talk_messages (id) ON DELETE SET NULL, -- the reply that was corrected
        made_at INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX corrections_by_talk ON corrections (talk_id)",
    "CREATE INDEX corrections_by_message ON corrections (message_id)",
)

_REMOVALS = (
    # What was deleted at providers, as it was listed before that. Nothing here refers to a run: the record outlives it.
    """CREATE TABLE removals (
        id INTEGER PRIMARY KEY,
        profile TEXT NOT NULL,
        what TEXT NOT NULL CHECK (what IN ('files', 'models', 'jobs')),
        remote_id TEXT NOT NULL,
        name TEXT NOT NULL,
        size INTEGER NOT NULL,
        created_at INTEGER NOT NULL, -- of the thing, as the provider said
        run_id TEXT NOT NULL DEFAULT '',
        at INTEGER NOT NULL
    ) STRICT""",
    """CREATE TRIGGER removals_are_not_changed BEFORE UPDATE ON removals
       BEGIN SELECT RAISE(ABORT, 'removals are only ever added'); END""",
    """CREATE TRIGGER removals_are_not_deleted BEFORE DELETE ON removals
       BEGIN SELECT RAISE(ABORT, 'removals are only ever added'); END""",
)

# What a dataset needs to know of a correction. Which messages its words came from stands in the prompt itself.
_CORRECTIONS_FOR_DATASETS: tuple[Step, ...] = (
    # what parts the messages of a turn in it
    "ALTER TABLE corrections ADD COLUMN separator TEXT NOT NULL DEFAULT ''",
    # whose voice the model had learnt; '' where nobody knows
    "ALTER TABLE corrections ADD COLUMN persona TEXT NOT NULL DEFAULT ''",
)

# Signs that FTS5's tokenizer is too old to know: it took them for letters, and "jaja🤣" for one word, in which nobody
# found "jaja". Given from the last to the first, which the tokenizer takes in in half the time.
_YOUNG_SIGNS = (
    (0x1F900, 0x1FAFF), (0x1F780, 0x1F7FF), (0x1F300, 0x1F6FF), (0x1F260, 0x1F265), (0x1F23B, 0x1F23B),
    (0x1F19B, 0x1F1AD), (0x1F16C, 0x1F16F), (0x1F12F, 0x1F12F), (0x1F10D, 0x1F10F), (0x2E3C, 0x2E5D), (0x2B4D, 0x2BFF),
    (0x2700, 0x2700), (0x23F4, 0x23FF), (0x20BA, 0x20CF), (0x2066, 0x2069),
)  # fmt: skip
_SEPARATORS = "".join(chr(code) for first, last in _YOUNG_SIGNS for code in range(last, first - 1, -1))


def _index_of(table: str, texts: str) -> tuple[Step, ...]:
    return (
        f"DROP TABLE {table}",
        f"""CREATE VIRTUAL TABLE {table} USING fts5 (text, content = '{texts}', content_rowid = 'id',
            tokenize = "unicode61 remove_diacritics 2 separators '{_SEPARATORS}'")""",
        f"INSERT INTO {table} ({table}) VALUES ('rebuild')",
    )


# What is no word: core/store/signs.py. A table with rows of its own, so that a look for a sign within others reads the
# index alone, not who has them.
_SIGNS: tuple[Step, ...] = (
    """CREATE TABLE signs (
        id INTEGER PRIMARY KEY,
        block INTEGER NOT NULL,
        sign TEXT NOT NULL,
        holders BLOB NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX signs_by_block ON signs (block, sign)",
    signs.rebuild,
    *_index_of("messages_fts", "messages"),
    *_index_of("talk_fts", "talk_messages"),
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration("the first tables", _FIRST),
    Migration("talks", _TALKS),
    Migration("removals", _REMOVALS),
    Migration("corrections for datasets", _CORRECTIONS_FOR_DATASETS),
    Migration("signs", _SIGNS),
)


def schema_is_ours(connection: sqlite3.Connection, steps: Sequence[Migration] | None = None) -> bool:
    """Whether the file has exactly the tables that the migrations, or some of them, make; 3 ms, so for checks and for
    finding blame."""
    query = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name"
    fresh = sqlite3.connect(":memory:", isolation_level=None)
    try:
        run_all(fresh, MIGRATIONS if steps is None else steps)
        return fresh.execute(query).fetchall() == connection.execute(query).fetchall()
    finally:
        fresh.close()
