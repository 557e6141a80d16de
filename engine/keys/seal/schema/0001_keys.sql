-- Keys of the node and its tenants. Every row carries a keyed digest over its other columns.
-- root: name of the root key that wrapped the row. state: 1 live, 2 destroyed (wrapped is empty).

CREATE TABLE key_mac (
  tn         {{int}}  NOT NULL,
  root       {{text}} NOT NULL,
  wrapped    {{blob}} NOT NULL,
  created_us {{int}}  NOT NULL,
  mac        {{blob}} NOT NULL,
  PRIMARY KEY (tn)
) {{strict}};
{{rls key_mac}}

CREATE TABLE key_tenant (
  tn         {{int}}  NOT NULL,
  version    {{int}}  NOT NULL,
  root       {{text}} NOT NULL,
  wrapped    {{blob}} NOT NULL,
  state      {{int}}  NOT NULL,
  created_us {{int}}  NOT NULL,
  mac        {{blob}} NOT NULL,
  PRIMARY KEY (tn, version)
) {{strict}};
{{rls key_tenant}}

CREATE TABLE key_subject (
  tn          {{int}}  NOT NULL,
  subj        {{blob}} NOT NULL,
  use         {{int}}  NOT NULL,
  kid         {{blob}} NOT NULL,
  kek_version {{int}}  NOT NULL,
  wrapped     {{blob}} NOT NULL,
  state       {{int}}  NOT NULL,
  created_us  {{int}}  NOT NULL,
  mac         {{blob}} NOT NULL,
  PRIMARY KEY (tn, subj, use)
) {{strict}};
CREATE UNIQUE INDEX key_subject_kid ON key_subject (tn, kid);
{{rls key_subject}}

CREATE TABLE key_signing (
  name       {{text}} NOT NULL,
  kid        {{blob}} NOT NULL,
  alg        {{text}} NOT NULL,
  public     {{blob}} NOT NULL,
  root       {{text}} NOT NULL,
  wrapped    {{blob}} NOT NULL,
  created_us {{int}}  NOT NULL,
  mac        {{blob}} NOT NULL,
  PRIMARY KEY (name)
) {{strict}};
