-- Keys whose signatures a tenant trusts, artefacts by digest, and the append-only history of stages. Every row carries a
-- keyed digest over its other columns. *_us: Unix microseconds.

-- kid: hex SHA-256 of the public key's PEM form. public: PKIX DER.
CREATE TABLE model_key (
  tn       {{int}}  NOT NULL,
  kid      {{text}} NOT NULL,
  public   {{blob}} NOT NULL,
  added_us {{int}}  NOT NULL,
  mac      {{blob}} NOT NULL,
  PRIMARY KEY (tn, kid)
) {{strict}};
{{rls model_key}}

-- digest: SHA-256 of manifest. bundle: sigstore bundle that signs it. entry: audit entry of the push.
CREATE TABLE model (
  tn        {{int}}  NOT NULL,
  digest    {{blob}} NOT NULL,
  name      {{text}} NOT NULL,
  version   {{text}} NOT NULL,
  manifest  {{blob}} NOT NULL,
  bundle    {{blob}} NOT NULL,
  pushed_us {{int}}  NOT NULL,
  entry     {{blob}} NOT NULL,
  mac       {{blob}} NOT NULL,
  PRIMARY KEY (tn, digest)
) {{strict}};
CREATE UNIQUE INDEX model_name ON model (tn, name, version);
{{rls model}}

-- The files of an artefact; its manifest names their digests.
CREATE TABLE model_file (
  tn     {{int}}  NOT NULL,
  digest {{blob}} NOT NULL,
  name   {{text}} NOT NULL,
  body   {{blob}} NOT NULL,
  mac    {{blob}} NOT NULL,
  PRIMARY KEY (tn, digest, name)
) {{strict}};
{{rls model_file}}

-- seq is gapless per tenant; mac covers the mac of the row before.
CREATE TABLE model_stage (
  tn     {{int}}  NOT NULL,
  seq    {{int}}  NOT NULL,
  name   {{text}} NOT NULL,
  digest {{blob}} NOT NULL,
  stage  {{text}} NOT NULL,
  at_us  {{int}}  NOT NULL,
  entry  {{blob}} NOT NULL,
  mac    {{blob}} NOT NULL,
  PRIMARY KEY (tn, seq)
) {{strict}};
CREATE INDEX model_stage_name ON model_stage (tn, name, seq);
{{rls model_stage}}

-- The head of a tenant's history: seq and mac of its newest row are under mac, so that no row can be cut off.
CREATE TABLE model_head (
  tn  {{int}}  NOT NULL,
  seq {{int}}  NOT NULL,
  mac {{blob}} NOT NULL,
  PRIMARY KEY (tn)
) {{narrow}};
{{rls model_head}}
