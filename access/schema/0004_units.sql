-- What a channel's sender means by a unit text under a code, as two persons said it. code: local or LOINC, '' for all; source: the text
-- as sent, '' for none. waits: 1 is a proposal of a first person, 0 is in force. ranges: a JSON array of text. state: 1 said, 2 taken back.

CREATE TABLE access_unit (
  tn      {{int}}  NOT NULL,
  channel {{text}} NOT NULL,
  code    {{text}} NOT NULL,
  source  {{text}} NOT NULL,
  waits   {{int}}  NOT NULL,
  unit    {{text}} NOT NULL,
  ranges  {{text}} NOT NULL,
  state   {{int}}  NOT NULL,
  first   {{text}} NOT NULL,
  second  {{text}} NOT NULL,
  reason  {{text}} NOT NULL,
  at_us   {{int}}  NOT NULL,
  PRIMARY KEY (tn, channel, code, source, waits)
) {{strict}};
{{rls access_unit}}
