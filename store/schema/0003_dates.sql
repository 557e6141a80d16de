-- Dates are found by their lower bound through an index whose parameter is an expression: one over the plain column has the
-- columns of a probe by rid as well, and PostgreSQL, knowing nothing of the rows, takes it for one and reads all of a parameter.
DROP INDEX ix_date_lo;
CREATE INDEX ix_date_from ON ix_date (tn, (COALESCE(sp, 0)), lo, rid);
