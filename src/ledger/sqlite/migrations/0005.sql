-- Withdrawals that a destination has not acknowledged: how many there are is asked every few seconds, whatever waits
-- beside them.
CREATE INDEX delivery_withdrawal ON delivery (destination, accepted) WHERE rank < 0 AND stage < 4;
