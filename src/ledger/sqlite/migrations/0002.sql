-- What a transport has to know of a story at its next attempt: the name that the partner's system gave it.
ALTER TABLE delivery ADD COLUMN remote TEXT;
