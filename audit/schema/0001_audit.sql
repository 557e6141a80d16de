-- The log. audit_row and audit_journal are the two durable sources and keep the sealed details for good; their rows are
-- chained by keyed digests per tenant and node, and per node. The other tables belong to the sequencer.

-- Entries of writes, added by the writing transaction. n counts per tenant and node from 1 without gaps.
CREATE TABLE audit_row (
  tn      {{int}}  NOT NULL,
  node    {{int}}  NOT NULL,
  n       {{int}}  NOT NULL,
  txid    {{int}}  NOT NULL,
  seq     {{int}}  NOT NULL,
  id      {{blob}} NOT NULL,
  payload {{blob}} NOT NULL,
  chain   {{blob}} NOT NULL,
  PRIMARY KEY (tn, node, n)
) {{strict}};
CREATE INDEX audit_row_feed ON audit_row (txid, seq);
CREATE UNIQUE INDEX audit_row_id ON audit_row (tn, id);
{{rls audit_row}}

-- The newest link of each chain: src 1 audit_row, 3 audit_journal (tn 0). mac: keyed digest over the other columns.
CREATE TABLE audit_chain (
  tn    {{int}}  NOT NULL,
  node  {{int}}  NOT NULL,
  src   {{int}}  NOT NULL,
  n     {{int}}  NOT NULL,
  chain {{blob}} NOT NULL,
  mac   {{blob}} NOT NULL,
  PRIMARY KEY (tn, node, src)
) {{strict}};
{{rls audit_chain}}

-- Entries of reads, denials and other acts (on SQLite they are frames of journal files instead). merged: 1 when the entry
-- waited in an emergency journal.
CREATE TABLE audit_journal (
  tn      {{int}}  NOT NULL,
  node    {{int}}  NOT NULL,
  n       {{int}}  NOT NULL,
  txid    {{int}}  NOT NULL,
  seq     {{int}}  NOT NULL,
  merged  {{int}}  NOT NULL,
  id      {{blob}} NOT NULL,
  payload {{blob}} NOT NULL,
  chain   {{blob}} NOT NULL,
  PRIMARY KEY (node, n)
) {{strict}};
CREATE INDEX audit_journal_feed ON audit_journal (txid, seq);
CREATE UNIQUE INDEX audit_journal_id ON audit_journal (id);
{{rls audit_journal}}

-- The sequencer's state, one row. mac: keyed digest over the other columns but beat.
CREATE TABLE audit_state (
  one      {{int}}  NOT NULL,
  size     {{int}}  NOT NULL,
  root     {{blob}} NOT NULL,
  edge     {{blob}} NOT NULL,
  epoch    {{int}}  NOT NULL,
  node     {{int}}  NOT NULL,
  beat     {{int}}  NOT NULL,
  row_txid {{int}}  NOT NULL,
  row_seq  {{int}}  NOT NULL,
  jrn_a    {{int}}  NOT NULL,
  jrn_b    {{int}}  NOT NULL,
  jrn_mac  {{blob}} NOT NULL,
  mac      {{blob}} NOT NULL,
  PRIMARY KEY (one)
) {{strict}};

-- Where the entry with index idx lies. src 1: audit_row (tn, node a, n b). 2: journal file (segment a, offset b).
-- 3: audit_journal (node a, n b).
CREATE TABLE audit_pos (
  idx {{int}}  NOT NULL,
  id  {{blob}} NOT NULL,
  tn  {{int}}  NOT NULL,
  src {{int}}  NOT NULL,
  a   {{int}}  NOT NULL,
  b   {{int}}  NOT NULL,
  PRIMARY KEY (idx)
) {{strict}};
CREATE UNIQUE INDEX audit_pos_id ON audit_pos (id);

-- Which entries name a patient (tag: pseudonym), for the accounting of disclosures.
CREATE TABLE audit_subject (
  tn  {{int}}  NOT NULL,
  tag {{blob}} NOT NULL,
  idx {{int}}  NOT NULL,
  PRIMARY KEY (tn, tag, idx)
) {{narrow}};
{{rls audit_subject}}
