-- A job that is done is deleted. state: 0 waits behind another of its key, 1 ready, 2 leased, 3 dead.
-- due_us: when somebody may take it: the run time of a ready one, the end of the lease of a leased one, never (the
-- largest number) of one that waits or is dead.
CREATE TABLE job (
	tn       {{int}} NOT NULL,
	id       {{blob}} NOT NULL,
	queue    {{text}} NOT NULL,
	key      {{text}} NOT NULL,
	seq      {{int}} NOT NULL,
	state    {{int}} NOT NULL,
	due_us   {{int}} NOT NULL,
	run_us   {{int}} NOT NULL,
	attempt  {{int}} NOT NULL,
	lease    {{text}} NOT NULL,
	reason   {{text}} NOT NULL,
	ref      {{blob}} NOT NULL,
	PRIMARY KEY (tn, id)
) {{strict}};
CREATE UNIQUE INDEX job_order ON job (tn, queue, key, seq);
CREATE INDEX job_due ON job (queue, due_us);
CREATE INDEX job_id ON job (id);
{{rls job}}

CREATE TABLE inbox (
	tn       {{int}} NOT NULL,
	consumer {{text}} NOT NULL,
	message  {{blob}} NOT NULL,
	taken_us {{int}} NOT NULL,
	PRIMARY KEY (tn, consumer, message)
) {{narrow}};
CREATE INDEX inbox_taken ON inbox (tn, consumer, taken_us);
{{rls inbox}}
