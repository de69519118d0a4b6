"""The tables of the database darvaz.sqlite3, and the way from each earlier version of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from darvaz.gateway.storage.taken import TABLE

# Statements of SQL, and functions for what SQL cannot say.
Migrations = tuple[tuple[str | Callable[[sqlite3.Connection], None], ...], ...]

# One entry a version, each a list of statements; an entry that was released is never changed, only followed.
MIGRATIONS: Migrations = (
    (
        """
        CREATE TABLE tokens (
            id TEXT PRIMARY KEY,
            secret_sha256 BLOB NOT NULL,
            kind TEXT NOT NULL,
            label TEXT NOT NULL,
            device TEXT,
            is_minted INTEGER NOT NULL,
            minted_for TEXT,
            created_s REAL NOT NULL,
            expires_s REAL,
            revoked_s REAL,
            last_used_s REAL,
            last_address TEXT
        ) WITHOUT ROWID
        """,
        "CREATE INDEX tokens_minted ON tokens (is_minted, device)",
        """
        CREATE TABLE devices (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            first_seen_s REAL NOT NULL,
            last_seen_s REAL NOT NULL,
            address TEXT,
            label TEXT,
            version TEXT,
            board TEXT,
            introduction TEXT
        )
        """,
        """
        CREATE TABLE journal (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time_ms INTEGER NOT NULL,
            device TEXT,
            kind TEXT,
            address TEXT,
            direction TEXT,
            type TEXT,
            payload TEXT
        )
        """,
        "CREATE INDEX journal_time ON journal (time_ms)",
        "CREATE INDEX journal_device_time ON journal (device, time_ms)",
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
    # The journal in batches (journal_batches.py): a tenth of the work for each row.
    (
        """
        CREATE TABLE journal_batches (
            id INTEGER PRIMARY KEY,
            size INTEGER NOT NULL,
            first_ms INTEGER NOT NULL,
            last_ms INTEGER NOT NULL,
            devices TEXT NOT NULL,
            moments TEXT NOT NULL
        )
        """,
        "CREATE INDEX journal_batches_time ON journal_batches (last_ms)",
        """
        INSERT INTO journal_batches
        SELECT min(id), count(*), min(time_ms), max(time_ms), json_group_array(DISTINCT device), json_group_array(
            json_array(time_ms, device, kind, address, json_array(json_array(direction, type, payload))))
        FROM (SELECT * FROM journal ORDER BY id) GROUP BY id / 500
        """,
        "DROP TABLE journal",
        """
        CREATE VIEW journal AS
        SELECT batch.id + row_number() OVER (PARTITION BY batch.id ORDER BY moment.key, said.key) - 1 AS id,
            json_extract(moment.value, '$[0]') AS time_ms, json_extract(moment.value, '$[1]') AS device,
            json_extract(moment.value, '$[2]') AS kind, json_extract(moment.value, '$[3]') AS address,
            json_extract(said.value, '$[0]') AS direction, json_extract(said.value, '$[1]') AS type,
            json_extract(said.value, '$[2]') AS payload
        FROM journal_batches AS batch, json_each(batch.moments) AS moment, json_each(moment.value, '$[4]') AS said
        """,
    ),
    (
        """
        CREATE TABLE sessions (
            id TEXT PRIMARY KEY,
            secret_sha256 BLOB NOT NULL,
            role TEXT NOT NULL,
            token TEXT,
            agent TEXT NOT NULL,
            created_s REAL NOT NULL,
            last_used_s REAL NOT NULL,
            last_address TEXT
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE sign_in_links (
            id TEXT PRIMARY KEY,
            secret_sha256 BLOB NOT NULL,
            role TEXT NOT NULL,
            created_s REAL NOT NULL,
            expires_s REAL NOT NULL,
            used_s REAL
        )
        """,
    ),
    # What is in each batch of the journal, so that a question about few entries reads few of them.
    (
        """
        CREATE TABLE journal_index (
            batch INTEGER NOT NULL,
            direction TEXT NOT NULL,
            type TEXT NOT NULL,
            device TEXT NOT NULL,
            kind TEXT NOT NULL,
            count INTEGER NOT NULL,
            PRIMARY KEY (batch, direction, type, device, kind)
        ) WITHOUT ROWID
        """,
        """
        INSERT INTO journal_index
        SELECT batch.id, json_extract(said.value, '$[0]'), json_extract(said.value, '$[1]'),
            coalesce(json_extract(moment.value, '$[1]'), ''), coalesce(json_extract(moment.value, '$[2]'), ''), count(*)
        FROM journal_batches AS batch, json_each(batch.moments) AS moment, json_each(moment.value, '$[4]') AS said
        GROUP BY 1, 2, 3, 4, 5
        """,
        "DROP VIEW journal",
        # Large batches are compressed, of which SQL sees what the index says.
        """
        CREATE VIEW journal AS
        SELECT batch.id + row_number() OVER (PARTITION BY batch.id ORDER BY moment.key, said.key) - 1 AS id,
            json_extract(moment.value, '$[0]') AS time_ms, json_extract(moment.value, '$[1]') AS device,
            json_extract(moment.value, '$[2]') AS kind, json_extract(moment.value, '$[3]') AS address,
            json_extract(said.value, '$[0]') AS direction, json_extract(said.value, '$[1]') AS type,
            json_extract(said.value, '$[2]') AS payload
        FROM journal_batches AS batch,
            json_each(CASE typeof(batch.moments) WHEN 'text' THEN batch.moments ELSE '[]' END) AS moment,
            json_each(moment.value, '$[4]') AS said
        UNION ALL
        SELECT batch.id + row_number() OVER (PARTITION BY batch.id) - 1, batch.first_ms, nullif(contents.device, ''),
            nullif(contents.kind, ''), '', contents.direction, contents.type, NULL
        FROM journal_index AS contents JOIN journal_batches AS batch ON batch.id = contents.batch,
            (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
            SELECT n FROM numbers) AS numbers
        WHERE typeof(batch.moments) = 'blob' AND numbers.n <= contents.count
        """,
    ),
    # Which messages of boards the journal has, by their numbers (taken.py).
    (TABLE,),
    # Boards as ESPHome nodes (esphome/identities.py).
    (
        """
        CREATE TABLE esphome_nodes (
            device TEXT PRIMARY KEY,
            mac TEXT NOT NULL,
            port INTEGER NOT NULL,
            key BLOB
        ) WITHOUT ROWID
        """,
    ),
    # With which arguments commands were last carried out, as JSON (last_arguments.py).
    ("ALTER TABLE devices ADD COLUMN last_args TEXT NOT NULL DEFAULT '{}'",),
    # The groups of each device, as a JSON list (groups.py).
    ("ALTER TABLE devices ADD COLUMN groups TEXT NOT NULL DEFAULT '[]'",),
    # Crashes of boards in groups, each as JSON (crashes/store.py).
    (
        """
        CREATE TABLE crashes (
            id TEXT PRIMARY KEY,
            last_s REAL NOT NULL,
            body TEXT NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    # Alerts: rules, channels, alerts, messages and conditions, each as JSON (alerts/records.py).
    tuple(
        f"CREATE TABLE {name} (id TEXT PRIMARY KEY, number INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID"
        for name in ("alert_rules", "alert_channels", "alerts", "alert_messages", "alert_waiting")
    ),
    # Releases, their rollouts to boards, and the boards' keys for updates (releases/store.py).
    (
        """
        CREATE TABLE releases (
            number INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            created_s REAL NOT NULL,
            author TEXT NOT NULL,
            files TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE rollouts (
            number INTEGER PRIMARY KEY,
            release INTEGER NOT NULL,
            plan TEXT NOT NULL,
            created_s REAL NOT NULL,
            author TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL
        )
        """,
        """
        CREATE TABLE rollout_targets (
            key TEXT PRIMARY KEY,
            rollout INTEGER NOT NULL,
            device TEXT NOT NULL,
            place INTEGER NOT NULL,
            state TEXT NOT NULL,
            counter INTEGER NOT NULL,
            tries INTEGER NOT NULL,
            reason TEXT NOT NULL,
            changed_s REAL NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE update_keys (
            device TEXT PRIMARY KEY,
            key BLOB NOT NULL,
            counter INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    # The systems that each device is not shown to, as a JSON list (visibility.py).
    ("ALTER TABLE devices ADD COLUMN hidden_from TEXT NOT NULL DEFAULT '[]'",),
    # With which close code the last link of each device ended.
    ("ALTER TABLE devices ADD COLUMN last_end INTEGER",),
    # What people say of the commands and values of each device, as JSON (words.py).
    ("ALTER TABLE devices ADD COLUMN words TEXT NOT NULL DEFAULT '{}'",),
    # Rules and dashboards that people made, each as JSON (rules/records.py, layouts.py).
    tuple(
        f"CREATE TABLE {name} (id TEXT PRIMARY KEY, number INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID"
        for name in ("rules", "layouts")
    ),
    # When each device started, in Unix seconds.
    ("ALTER TABLE devices ADD COLUMN started_s REAL",),
    # The rare entries of each batch once more (rare_entries.py), and the batches that wait for it (rare_upgrade.py).
    (
        "CREATE TABLE journal_rare (batch INTEGER PRIMARY KEY, names TEXT NOT NULL, entries BLOB NOT NULL)",
        "CREATE TABLE journal_rare_due (batch INTEGER PRIMARY KEY)",
        "INSERT INTO journal_rare_due SELECT id FROM journal_batches",
    ),
    # The least MicroPython that each release needs.
    ("ALTER TABLE releases ADD COLUMN micropython TEXT NOT NULL DEFAULT ''",),
    # People, invitations, and whose a token, session or sign-in link is (access/people.py). Who could do everything
    # before is an owner now.
    (
        """
        CREATE TABLE people (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            grants TEXT NOT NULL,
            created_s REAL NOT NULL,
            invitation TEXT
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE invitations (
            id TEXT PRIMARY KEY,
            secret_sha256 BLOB NOT NULL,
            label TEXT NOT NULL,
            role TEXT NOT NULL,
            grants TEXT NOT NULL,
            layout TEXT,
            uses_max INTEGER NOT NULL,
            uses TEXT NOT NULL,
            created_s REAL NOT NULL,
            expires_s REAL NOT NULL,
            author TEXT
        ) WITHOUT ROWID
        """,
        *(
            f"ALTER TABLE {table} ADD COLUMN {column} TEXT"
            for table in ("tokens", "sessions", "sign_in_links")
            for column in ("person", "author")
        ),
        "ALTER TABLE sessions ADD COLUMN invitation TEXT",
        "UPDATE sessions SET role = 'owner' WHERE role = 'operator' AND token IS NULL",
    ),
    # Before which cameras motion is looked for, each as JSON (cameras/motion.py).
    ("CREATE TABLE camera_motion (id TEXT PRIMARY KEY, number INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID",),
    # The browsers that people are told of alerts by, each as JSON (alerts/browsers.py).
    (
        "CREATE TABLE push_subscriptions (id TEXT PRIMARY KEY, number INTEGER NOT NULL, data TEXT NOT NULL)"
        " WITHOUT ROWID",
    ),
    # What people chose for cameras, each as JSON (cameras/picture_settings.py).
    ("CREATE TABLE camera_pictures (id TEXT PRIMARY KEY, number INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID",),
    # The language that a person chose (access/people.py).
    ("ALTER TABLE people ADD COLUMN language TEXT",),
)
