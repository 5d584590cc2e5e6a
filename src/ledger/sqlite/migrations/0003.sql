-- A story's whole life: every-version destinations, operators' orders, numbers, the rights clock, retention.

-- Of a destination that takes every version: what follows the wanted one.
CREATE TABLE later (
    story        INTEGER NOT NULL,
    destination  INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    article      INTEGER NOT NULL REFERENCES article (id),
    action       TEXT NOT NULL,
    rank         INTEGER NOT NULL,
    accepted     INTEGER NOT NULL,
    embargo      INTEGER,
    expires      INTEGER,
    for_holders  INTEGER NOT NULL,
    PRIMARY KEY (story, destination, version)
) STRICT, WITHOUT ROWID;

ALTER TABLE delivery ADD COLUMN every_version INTEGER NOT NULL DEFAULT 0; -- its destination takes every version
ALTER TABLE delivery ADD COLUMN later INTEGER NOT NULL DEFAULT 0;       -- how many rows of later belong to it
ALTER TABLE delivery ADD COLUMN for_holders INTEGER NOT NULL DEFAULT 0; -- the wanted version is only for who has the story
UPDATE delivery SET for_holders = 1 WHERE action IN ('kill', 'withhold');
ALTER TABLE delivery ADD COLUMN on_hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN last_try INTEGER NOT NULL DEFAULT 0;    -- none after the one that is under way: 1 cancelled, 2 passed over
ALTER TABLE delivery ADD COLUMN sequence INTEGER;                       -- the last number that an attempt carried
ALTER TABLE delivery ADD COLUMN numbered INTEGER;                       -- the version that carried it first

-- What waits and has an end of its own, in the order of those ends.
CREATE INDEX delivery_expiring ON delivery (expires) WHERE stage < 3 AND expires IS NOT NULL;

-- What an operator has to look at.
CREATE INDEX delivery_in_trouble ON delivery (ended_at) WHERE ended IN ('refused', 'expired');

ALTER TABLE story ADD COLUMN on_hold TEXT;              -- why an operator holds it
ALTER TABLE story ADD COLUMN rights_until INTEGER;      -- when those who have it must have it no longer
CREATE INDEX story_rights ON story (rights_until) WHERE rights_until IS NOT NULL;

-- Where a replay begins, and what retention may take.
CREATE INDEX article_accepted ON article (accepted);
CREATE INDEX attempt_ended ON attempt (ended);
CREATE INDEX quarantine_at ON quarantine (at);

ALTER TABLE destination ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0; -- the last number given
ALTER TABLE destination ADD COLUMN halted INTEGER NOT NULL DEFAULT 0;   -- by order: 1 for all but withdrawals, 2 for all
ALTER TABLE destination ADD COLUMN halted_why TEXT;

-- What operators ordered. A running daemon takes up what waits; a stopped one does when it starts.
CREATE TABLE operator_order (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    by       TEXT NOT NULL,
    what     TEXT NOT NULL,             -- as JSON
    reason   TEXT,
    state    TEXT NOT NULL,             -- waiting, working, done, refused, stopped
    taken    INTEGER,                   -- when it took effect, or began to
    result   TEXT,
    reached  INTEGER NOT NULL DEFAULT 0, -- of one that works in steps: the last article looked at
    sent     INTEGER NOT NULL DEFAULT 0 -- and the deliveries that it made
) STRICT;
CREATE INDEX operator_order_open ON operator_order (id) WHERE state IN ('waiting', 'working');
