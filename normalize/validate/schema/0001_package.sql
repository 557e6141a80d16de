-- FHIR packages of a tenant: definitions, no patient data. Every row carries a keyed digest over its other columns.

-- digest: SHA-256 of body, the .tgz as it came. entry: audit entry of the addition. added_us: Unix microseconds.
CREATE TABLE fhir_package (
  tn       {{int}}  NOT NULL,
  name     {{text}} NOT NULL,
  version  {{text}} NOT NULL,
  digest   {{blob}} NOT NULL,
  body     {{blob}} NOT NULL,
  added_us {{int}}  NOT NULL,
  entry    {{blob}} NOT NULL,
  mac      {{blob}} NOT NULL,
  PRIMARY KEY (tn, name)
) {{strict}};
{{rls fhir_package}}

-- The head says how often the packages changed and which there are (digest over all their rows), so that none can be put back or cut off.
CREATE TABLE fhir_package_head (
  tn  {{int}}  NOT NULL,
  seq {{int}}  NOT NULL,
  mac {{blob}} NOT NULL,
  PRIMARY KEY (tn)
) {{narrow}};
{{rls fhir_package_head}}
