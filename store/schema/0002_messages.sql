-- Messages as they arrived, what was held of them, and merges of patients. Texts are sealed under a random key of their message;
-- every other column is a number, a keyed digest, a constant, a random or keyed name, or the name of a channel.
-- rid: row number, rises with time. mac: first 16 bytes of the tenant's keyed digest over all other columns but body.

-- message: key16 and body16 are keyed digests of what makes two arrivals one. lanes: 16 bytes each. pats: whom it is about, 16 bytes
-- each, none while nobody is known; wrap: its key, sealed under the key of the channel or under those of all of pats, one around the
-- other. arrived: bit per lane. hops: rows in hop. merges: From of the merge that it made.
-- reply: sealed, or empty. body, blob, digest: as in ver.
CREATE TABLE message (
  tn          {{int}}  NOT NULL,
  rid         {{int}}  NOT NULL,
  id          {{blob}} NOT NULL,
  channel     {{text}} NOT NULL,
  kind        {{text}} NOT NULL,
  key16       {{blob}} NOT NULL,
  body16      {{blob}} NOT NULL,
  lanes       {{blob}} NOT NULL,
  received_us {{int}}  NOT NULL,
  size        {{int}}  NOT NULL,
  reused      {{int}}  NOT NULL,
  state       {{text}} NOT NULL,
  reason      {{text}} NOT NULL,
  arrived     {{int}}  NOT NULL,
  repeats     {{int}}  NOT NULL,
  facts       {{int}}  NOT NULL,
  held        {{int}}  NOT NULL,
  hops        {{int}}  NOT NULL,
  merges      {{text}} NOT NULL,
  pats        {{blob}} NOT NULL,
  wrap        {{blob}} NOT NULL,
  reply       {{blob}} NOT NULL,
  entry       {{blob}} NOT NULL,
  body        {{blob}},
  blob        {{blob}},
  digest      {{blob}} NOT NULL,
  mac         {{blob}} NOT NULL,
  PRIMARY KEY (tn, rid)
) {{strict}};
CREATE UNIQUE INDEX message_id ON message (tn, id);
CREATE UNIQUE INDEX message_key ON message (tn, key16, body16);
CREATE INDEX message_state ON message (tn, state, rid);
CREATE INDEX message_channel ON message (tn, channel, rid);
{{rls message}}

-- about: message.pats turned round, for erasure.
CREATE TABLE about (
  tn  {{int}}  NOT NULL,
  pat {{blob}} NOT NULL,
  rid {{int}}  NOT NULL,
  PRIMARY KEY (tn, pat, rid)
) {{narrow}};
CREATE INDEX about_rid ON about (tn, rid);
{{rls about}}

-- hop: one step of a message. refs and rules: JSON arrays of text.
CREATE TABLE hop (
  tn    {{int}}  NOT NULL,
  rid   {{int}}  NOT NULL,
  n     {{int}}  NOT NULL,
  at_us {{int}}  NOT NULL,
  step  {{text}} NOT NULL,
  note  {{text}} NOT NULL,
  entry {{blob}} NOT NULL,
  refs  {{text}} NOT NULL,
  rules {{text}} NOT NULL,
  mac   {{blob}} NOT NULL,
  PRIMARY KEY (tn, rid, n)
) {{strict}};
{{rls hop}}

-- side_text: what is sealed beside the body of a message, append-only. kind "evidence" and "proposal": of a hold, which owner names;
-- "note": of a hold or of the message itself.
CREATE TABLE side_text (
  tn      {{int}}  NOT NULL,
  rid     {{int}}  NOT NULL,
  kind    {{text}} NOT NULL,
  owner   {{blob}} NOT NULL,
  message {{int}}  NOT NULL,
  at_us   {{int}}  NOT NULL,
  entry   {{blob}} NOT NULL,
  body    {{blob}},
  blob    {{blob}},
  digest  {{blob}} NOT NULL,
  mac     {{blob}} NOT NULL,
  PRIMARY KEY (tn, rid)
) {{strict}};
CREATE INDEX side_text_message ON side_text (tn, message, rid);
CREATE INDEX side_text_owner ON side_text (tn, owner, rid);
{{rls side_text}}

-- hold: one fact that must not be used as it stands. pat: keyed digest of patient, 16 zero bytes for none. evidence, proposal, note:
-- rows of side_text, 0 for none. proposed: keyed digest of the proposal's SHA-256, or empty.
CREATE TABLE hold (
  tn       {{int}}  NOT NULL,
  rid      {{int}}  NOT NULL,
  id       {{blob}} NOT NULL,
  message  {{int}}  NOT NULL,
  patient  {{text}} NOT NULL,
  pat      {{blob}} NOT NULL,
  class    {{text}} NOT NULL,
  reason   {{text}} NOT NULL,
  place    {{text}} NOT NULL,
  fact     {{text}} NOT NULL,
  rule     {{text}} NOT NULL,
  state    {{text}} NOT NULL,
  at_us    {{int}}  NOT NULL,
  first    {{text}} NOT NULL,
  second   {{text}} NOT NULL,
  evidence {{int}}  NOT NULL,
  proposal {{int}}  NOT NULL,
  proposed {{blob}} NOT NULL,
  note     {{int}}  NOT NULL,
  mac      {{blob}} NOT NULL,
  PRIMARY KEY (tn, rid)
) {{strict}};
CREATE UNIQUE INDEX hold_id ON hold (tn, id);
CREATE INDEX hold_state ON hold (tn, state, rid);
CREATE INDEX hold_message ON hold (tn, message, rid);
CREATE INDEX hold_pat ON hold (tn, pat, rid);
CREATE INDEX hold_fact ON hold (tn, fact, rid);
{{rls hold}}

-- merged: the record of a patient lives on in another. FHIR ids.
CREATE TABLE merged (
  tn       {{int}}  NOT NULL,
  gone     {{text}} NOT NULL,
  survivor {{text}} NOT NULL,
  message  {{int}}  NOT NULL,
  at_us    {{int}}  NOT NULL,
  entry    {{blob}} NOT NULL,
  mac      {{blob}} NOT NULL,
  PRIMARY KEY (tn, gone)
) {{narrow}};
CREATE INDEX merged_survivor ON merged (tn, survivor, gone);
{{rls merged}}
