-- The first layout. Times are microseconds since 1970, UTC. Every table has a
-- column "sum" that seals its row; see records.go.

CREATE TABLE skein_layout (
    version INTEGER NOT NULL CHECK (version > 0)
) STRICT;

-- A group of threads of one user and organization that live and die together.
-- AUTOINCREMENT, so that a number never comes again.
CREATE TABLE skein_generation (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    user         TEXT    NOT NULL CHECK (user <> ''),
    organization TEXT    NOT NULL, -- '': the user's personal threads
    state        INTEGER NOT NULL CHECK (state IN (0, 1, 2)), -- 0: live, 1: deleted, 2: deleted one by one
    deletion     TEXT    NOT NULL CHECK ((deletion <> '') = (state = 1)),
    threads      INTEGER NOT NULL CHECK (threads > 0),
    sum          INTEGER NOT NULL
) STRICT;

CREATE INDEX skein_generation_state ON skein_generation (user, state, deletion, organization);

-- The threads of all generations, live or not: read skein_live_threads to see
-- those that are.
CREATE TABLE skein_thread (
    number     INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL REFERENCES skein_generation (number),
    user       TEXT    NOT NULL CHECK (user <> ''),
    id         TEXT    NOT NULL CHECK (id <> ''),
    assistant  TEXT    NOT NULL, -- '': none
    title      TEXT    NOT NULL, -- '': none
    metadata   TEXT    NOT NULL CHECK (json_valid(metadata)), -- an object of strings
    hidden     INTEGER NOT NULL CHECK (hidden IN (0, 1)),
    pinned_at  INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    active_at  INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    deletion   TEXT    NOT NULL, -- the thread's own, if its generation is of those deleted one by one
    sum        INTEGER NOT NULL,
    UNIQUE (user, id)
) STRICT;

CREATE INDEX skein_thread_page ON skein_thread (generation, hidden, created_at, id);
CREATE INDEX skein_thread_assistant ON skein_thread (generation, assistant, created_at, id) WHERE assistant <> '';
CREATE INDEX skein_thread_pinned ON skein_thread (generation, created_at, id) WHERE pinned_at IS NOT NULL;

-- The record of a delete call.
CREATE TABLE skein_deletion (
    user        TEXT    NOT NULL CHECK (user <> ''),
    id          TEXT    NOT NULL CHECK (id <> ''),
    scope       TEXT    NOT NULL CHECK (scope <> ''), -- 'all', 'personal', an organization, or several with commas
    thread      TEXT    NOT NULL, -- '': of many
    key         TEXT    NOT NULL, -- '': none
    deleted_at  INTEGER NOT NULL,
    count       INTEGER NOT NULL CHECK (count >= 0),
    held        INTEGER NOT NULL CHECK (held BETWEEN 0 AND count),
    restored_at INTEGER,
    purged_at   INTEGER,
    due         INTEGER NOT NULL, -- the time a purge orders it by
    sum         INTEGER NOT NULL,
    PRIMARY KEY (user, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX skein_deletion_page ON skein_deletion (user, deleted_at, id);
CREATE INDEX skein_deletion_due ON skein_deletion (user, due, id);
CREATE UNIQUE INDEX skein_deletion_key ON skein_deletion (user, key) WHERE key <> '';

-- What a person reads. Ask for one user: the rest follows from the indexes.
CREATE VIEW skein_live_threads AS
SELECT g.user,
       nullif(g.organization, '') AS organization,
       t.id,
       nullif(t.title, '') AS title,
       nullif(t.assistant, '') AS assistant,
       t.metadata,
       t.hidden,
       datetime(t.pinned_at / 1000000, 'unixepoch') AS pinned_at,
       datetime(t.created_at / 1000000, 'unixepoch') AS created_at,
       datetime(t.updated_at / 1000000, 'unixepoch') AS updated_at,
       datetime(t.active_at / 1000000, 'unixepoch') AS last_activity_at,
       t.version
FROM skein_generation AS g
     CROSS JOIN skein_thread AS t ON t.generation = g.number
WHERE g.state = 0;

INSERT INTO skein_layout (version) VALUES (1);
