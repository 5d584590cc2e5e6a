-- What the newsroom's systems are told. Nothing stands in these tables unless the configuration has a receiver of events.

-- In the order of the commits. A row names what the other tables keep; they are read together.
CREATE TABLE event (
    id           INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    story        INTEGER,
    version      INTEGER,
    destination  INTEGER,
    attempt      INTEGER,
    status       INTEGER,
    detail       TEXT,
    more         TEXT                   -- what only events of its kind have, as JSON
) STRICT;

CREATE TABLE event_receiver (
    name     TEXT PRIMARY KEY,
    reached  INTEGER NOT NULL           -- the last event that it has taken, or that was not for it
) STRICT, WITHOUT ROWID;

-- Withdrawals that are not at their end everywhere.
CREATE TABLE event_kill (
    story    INTEGER PRIMARY KEY,
    version  INTEGER NOT NULL,
    changed  INTEGER                    -- since when there is something to look at
) STRICT;
CREATE INDEX event_kill_changed ON event_kill (changed) WHERE changed IS NOT NULL;

-- Destinations in trouble.
CREATE TABLE event_door (
    destination  INTEGER PRIMARY KEY,
    since        INTEGER,               -- none until somebody looked at the clock
    told         INTEGER NOT NULL DEFAULT 0,
    well         INTEGER NOT NULL DEFAULT 0 -- it was well since it was told
) STRICT;
