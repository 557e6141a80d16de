-- hold.sent_us: when its sender says that it was sent; 0 when that is not known, as for what was held before the column was there. The mac
-- covers it when it is not 0.
ALTER TABLE hold ADD COLUMN sent_us {{int}} NOT NULL DEFAULT 0;
