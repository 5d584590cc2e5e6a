-- The first schema. Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE story (
    id      INTEGER PRIMARY KEY,
    guid    TEXT NOT NULL UNIQUE,
    wire    TEXT NOT NULL,
    newest  INTEGER NOT NULL            -- the highest version accepted
) STRICT;

CREATE TABLE article (
    id        INTEGER PRIMARY KEY,
    story     INTEGER NOT NULL REFERENCES story (id),
    version   INTEGER NOT NULL,
    action    TEXT NOT NULL,
    headline  TEXT NOT NULL,
    source    TEXT NOT NULL,
    accepted  INTEGER NOT NULL,
    digest    BLOB NOT NULL,            -- sha-256 of content, which tells a repeat from a conflict
    content   BLOB NOT NULL,            -- the article as JSON
    UNIQUE (story, version)
) STRICT;

CREATE TABLE destination (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,    -- partner/destination
    failures   INTEGER NOT NULL DEFAULT 0,
    retry_at   INTEGER,
    suspended  TEXT,
    trouble    TEXT,
    paused     INTEGER NOT NULL,        -- its partner was paused when the program last started
    resumed    INTEGER                  -- when its last pause ended
) STRICT;

-- What a destination is owed of a story: one row, whatever the number of versions. The key begins with the story, so
-- that a fan-out writes one place of the table, and everyone who has a story is found by one range.
CREATE TABLE delivery (
    story        INTEGER NOT NULL REFERENCES story (id),
    destination  INTEGER NOT NULL REFERENCES destination (id),
    version      INTEGER NOT NULL,      -- the wanted one
    article      INTEGER NOT NULL REFERENCES article (id),
    action       TEXT NOT NULL,
    rank         INTEGER NOT NULL,      -- its place in the lane; lower goes first, withdrawals are below zero
    accepted     INTEGER NOT NULL,
    embargo      INTEGER,
    expires      INTEGER,
    stage        INTEGER NOT NULL,      -- 1 ready, 2 held, 3 attempting, 4 ended
    due          INTEGER,               -- held: until when
    attempting   INTEGER,               -- attempting: which version
    since        INTEGER,               -- attempting: since when
    ended        TEXT,                  -- ended: how
    ended_at     INTEGER,
    reason       TEXT,
    attempts     INTEGER NOT NULL,
    confirmed    INTEGER,
    possible     INTEGER,
    settles      INTEGER,               -- until when a request with the possible version may be in the network
    older_settles INTEGER,              -- until when one with a lower version may be
    PRIMARY KEY (story, destination)
) STRICT, WITHOUT ROWID;

-- These three are the backlog's only structure: each holds just the rows of its stage, so a lane finds its next row in
-- one probe, whatever waits behind it.
CREATE INDEX delivery_ready ON delivery (destination, rank) WHERE stage = 1;
CREATE INDEX delivery_held ON delivery (destination, due) WHERE stage = 2;
CREATE INDEX delivery_attempting ON delivery (destination) WHERE stage = 3;

-- The ends of versions that left their delivery's row, because a newer one took it.
CREATE TABLE past (
    story        INTEGER NOT NULL,
    destination  INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    ended        TEXT NOT NULL,
    ended_at     INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    PRIMARY KEY (story, destination, version)
) STRICT, WITHOUT ROWID;

-- Attempts that did not deliver. One that did is told by its delivery's row.
CREATE TABLE attempt (
    id           INTEGER PRIMARY KEY,
    story        INTEGER NOT NULL,
    destination  INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    began        INTEGER NOT NULL,
    ended        INTEGER NOT NULL,
    outcome      TEXT NOT NULL,
    status       INTEGER,
    detail       TEXT NOT NULL
) STRICT;
CREATE INDEX attempt_delivery ON attempt (story, destination);

CREATE TABLE quarantine (
    id            INTEGER PRIMARY KEY,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL,
    source        TEXT NOT NULL,
    content_type  TEXT,
    guid          TEXT,
    reason        TEXT NOT NULL,
    at            INTEGER NOT NULL,
    digest        BLOB NOT NULL,
    bytes         BLOB NOT NULL
) STRICT;
-- The same bytes from the same source with the same reason are one entry, so that a source that offers them again
-- and again does not fill the disk.
CREATE UNIQUE INDEX quarantine_same ON quarantine (kind, source, digest) WHERE state = 'waiting';
CREATE INDEX quarantine_retry ON quarantine (id) WHERE state = 'retry';
