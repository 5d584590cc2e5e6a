-- The last number of each destination's sequence, 64 of them to a row, each of 8 bytes, the most significant first: an
-- article for thousands of destinations gives each of them a number, and a row for each would be a third of all that it
-- writes. Destination 64 * block + n has the nth.
CREATE TABLE sequence (
    block  INTEGER PRIMARY KEY,
    last   BLOB NOT NULL
) STRICT;

WITH RECURSIVE place (id) AS (
    SELECT 0 WHERE EXISTS (SELECT 1 FROM destination)
    UNION ALL
    SELECT id + 1 FROM place WHERE id % 64 < 63 OR id < (SELECT max(id) FROM destination)
)
INSERT INTO sequence
SELECT place.id / 64, unhex(group_concat(printf('%016x', ifnull(destination.sequence, 0)), '' ORDER BY place.id))
FROM place LEFT JOIN destination USING (id)
GROUP BY place.id / 64;

ALTER TABLE destination DROP COLUMN sequence;
