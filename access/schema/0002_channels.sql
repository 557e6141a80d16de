-- Where messages come in. An id is unique in the node and never reused, because log and messages name their channel by it.
-- state: 1 active, 2 disabled. tls: 0 or 1. client_ca: PEM, empty for none. allow: prefixes joined by commas. systems: a
-- JSON object, identifier system by assigning authority.

CREATE TABLE access_channel (
  tn         {{int}}  NOT NULL,
  id         {{text}} NOT NULL,
  principal  {{text}} NOT NULL,
  listen     {{text}} NOT NULL,
  tls        {{int}}  NOT NULL,
  client_ca  {{blob}} NOT NULL,
  allow      {{text}} NOT NULL,
  processing {{text}} NOT NULL,
  zone       {{text}} NOT NULL,
  charset    {{text}} NOT NULL,
  systems    {{text}} NOT NULL,
  purpose    {{text}} NOT NULL,
  state      {{int}}  NOT NULL,
  made_us    {{int}}  NOT NULL,
  PRIMARY KEY (tn, id)
) {{strict}};
CREATE UNIQUE INDEX access_channel_id ON access_channel (id);
{{rls access_channel}}
