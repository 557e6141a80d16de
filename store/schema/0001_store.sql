-- The version log, pointer rows, search index and payloads. Bodies are sealed; every other column is a number, a
-- keyed digest or a random name, except type and logical id, which URLs carry too.
-- pat, subj: seal.Subject of the patient, 16 zero bytes for none. op: 1 create, 2 update, 3 delete. *_us: Unix microseconds.
-- body: the sealed text, or NULL when it is a blob under the name in blob (then equal to digest, SHA-256 of the sealed text).
-- mac: first 16 bytes of the tenant's keyed digest over all other columns.

-- ver is append-only: the history. txid and seq give its order to a feed, which reads (txid, seq) below the horizon.
CREATE TABLE ver (
  tn     {{int}}  NOT NULL,
  seq    {{int}}  NOT NULL,
  txid   {{int}}  NOT NULL,
  rid    {{int}}  NOT NULL,
  ver    {{int}}  NOT NULL,
  op     {{int}}  NOT NULL,
  upd_us {{int}}  NOT NULL,
  pat    {{blob}} NOT NULL,
  conf   {{int}}  NOT NULL,
  kid    {{blob}} NOT NULL,
  entry  {{blob}} NOT NULL,
  body   {{blob}},
  blob   {{blob}},
  digest {{blob}} NOT NULL,
  mac    {{blob}} NOT NULL,
  PRIMARY KEY (tn, seq)
) {{strict}};
CREATE UNIQUE INDEX ver_rid ON ver (tn, rid, ver);
CREATE INDEX ver_pat ON ver (tn, pat, seq);
{{rls ver}}

-- res points to the current version. rk16: keyed digest of "Type/id". flags: 1 deleted, 2 erased. bh: keyed digest of the
-- sealed body, by which an unchanged update is known. rev: the resource's own index keys, packed.
CREATE TABLE res (
  tn     {{int}}  NOT NULL,
  rid    {{int}}  NOT NULL,
  rt     {{text}} NOT NULL,
  id     {{text}} NOT NULL,
  rk16   {{blob}} NOT NULL,
  ver    {{int}}  NOT NULL,
  seq    {{int}}  NOT NULL,
  upd_us {{int}}  NOT NULL,
  flags  {{int}}  NOT NULL,
  pat    {{blob}} NOT NULL,
  conf   {{int}}  NOT NULL,
  bh     {{blob}} NOT NULL,
  rev    {{blob}} NOT NULL,
  mac    {{blob}} NOT NULL,
  PRIMARY KEY (tn, rid)
) {{strict}};
CREATE UNIQUE INDEX res_rk16 ON res (tn, rk16);
CREATE INDEX res_rt ON res (tn, rt, rid);
CREATE INDEX res_pat ON res (tn, pat, rid);
{{rls res}}

-- The index holds current versions only. rid stands last, so that every scan of one value runs newest first.
CREATE TABLE ix_tok (
  tn  {{int}} NOT NULL,
  sp  {{int}} NOT NULL,
  v8  {{int}} NOT NULL,
  rid {{int}} NOT NULL,
  PRIMARY KEY (tn, sp, v8, rid)
) {{narrow}};
{{rls ix_tok}}

CREATE TABLE ix_ref (
  tn   {{int}}  NOT NULL,
  sp   {{int}}  NOT NULL,
  rk16 {{blob}} NOT NULL,
  rid  {{int}}  NOT NULL,
  PRIMARY KEY (tn, sp, rk16, rid)
) {{narrow}};
{{rls ix_ref}}

-- Dates are probed by rid behind another driver, or scanned by lower bound.
CREATE TABLE ix_date (
  tn  {{int}} NOT NULL,
  sp  {{int}} NOT NULL,
  rid {{int}} NOT NULL,
  lo  {{int}} NOT NULL,
  hi  {{int}} NOT NULL,
  PRIMARY KEY (tn, sp, rid, lo, hi)
) {{narrow}};
CREATE INDEX ix_date_lo ON ix_date (tn, sp, lo, rid);
{{rls ix_date}}

-- claim: who made the resource of a conditional create; h16 is a keyed digest of the criteria. A row is compared and
-- replaced, never trusted: it only decides races.
CREATE TABLE claim (
  tn  {{int}}  NOT NULL,
  h16 {{blob}} NOT NULL,
  rid {{int}}  NOT NULL,
  mac {{blob}} NOT NULL,
  PRIMARY KEY (tn, h16)
) {{narrow}};
CREATE INDEX claim_rid ON claim (tn, rid);
{{rls claim}}

-- payload: what is not a resource. kind "decision": topic is the model's digest, subj the patient.
CREATE TABLE payload (
  tn         {{int}}  NOT NULL,
  kind       {{text}} NOT NULL,
  id         {{blob}} NOT NULL,
  seq        {{int}}  NOT NULL,
  txid       {{int}}  NOT NULL,
  subj       {{blob}} NOT NULL,
  topic      {{blob}} NOT NULL,
  created_us {{int}}  NOT NULL,
  kid        {{blob}} NOT NULL,
  entry      {{blob}} NOT NULL,
  body       {{blob}},
  blob       {{blob}},
  digest     {{blob}} NOT NULL,
  mac        {{blob}} NOT NULL,
  PRIMARY KEY (tn, kind, id)
) {{strict}};
CREATE UNIQUE INDEX payload_seq ON payload (tn, seq);
CREATE INDEX payload_kind ON payload (tn, kind, seq);
CREATE INDEX payload_subj ON payload (tn, subj, kind, seq);
{{rls payload}}

-- erased: patients whose data key was destroyed. A row takes effect with its commit, before the index rows are gone.
CREATE TABLE erased (
  tn       {{int}}  NOT NULL,
  pat      {{blob}} NOT NULL,
  at_us    {{int}}  NOT NULL,
  versions {{int}}  NOT NULL,
  entry    {{blob}} NOT NULL,
  mac      {{blob}} NOT NULL,
  PRIMARY KEY (tn, pat)
) {{narrow}};
{{rls erased}}
