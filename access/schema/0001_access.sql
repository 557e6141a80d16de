-- Tenants, principals, clients and what makes their tokens work once or end at once.
-- state: 1 active, 2 disabled. epoch: raised when something ends; a token carries the epochs it was made under.
-- Tenant number 0 is the node itself and has no row.

CREATE TABLE access_tenant (
  tn      {{int}}  NOT NULL,
  id      {{text}} NOT NULL,
  name    {{text}} NOT NULL,
  state   {{int}}  NOT NULL,
  made_us {{int}}  NOT NULL,
  PRIMARY KEY (tn)
) {{strict}};
CREATE UNIQUE INDEX access_tenant_id ON access_tenant (id);
{{rls access_tenant}}

-- roles: names joined by commas, in the order given. patient: id of the own Patient resource or empty.
CREATE TABLE access_principal (
  tn      {{int}}  NOT NULL,
  id      {{text}} NOT NULL,
  kind    {{text}} NOT NULL,
  name    {{text}} NOT NULL,
  roles   {{text}} NOT NULL,
  patient {{text}} NOT NULL,
  state   {{int}}  NOT NULL,
  epoch   {{int}}  NOT NULL,
  made_us {{int}}  NOT NULL,
  PRIMARY KEY (tn, id)
) {{strict}};
{{rls access_principal}}

-- A client id is unique in the node, because the client names its tenant by it.
CREATE TABLE access_client (
  tn        {{int}}  NOT NULL,
  id        {{text}} NOT NULL,
  principal {{text}} NOT NULL,
  jwks      {{blob}} NOT NULL,
  purpose   {{text}} NOT NULL,
  state     {{int}}  NOT NULL,
  epoch     {{int}}  NOT NULL,
  made_us   {{int}}  NOT NULL,
  PRIMARY KEY (tn, id)
) {{strict}};
CREATE UNIQUE INDEX access_client_id ON access_client (id);
{{rls access_client}}

-- One-time sign-in codes, by SHA-256. used_us: 0 until the one redemption.
CREATE TABLE access_one_time (
  tn         {{int}}  NOT NULL,
  hash       {{blob}} NOT NULL,
  principal  {{text}} NOT NULL,
  expires_us {{int}}  NOT NULL,
  used_us    {{int}}  NOT NULL,
  PRIMARY KEY (tn, hash)
) {{strict}};
CREATE UNIQUE INDEX access_one_time_hash ON access_one_time (hash);
{{rls access_one_time}}

-- Assertions seen, by SHA-256 of their jti, until they are too old to be accepted anyway.
CREATE TABLE access_jti (
  tn         {{int}}  NOT NULL,
  client     {{text}} NOT NULL,
  jti        {{blob}} NOT NULL,
  expires_us {{int}}  NOT NULL,
  PRIMARY KEY (tn, client, jti)
) {{strict}};
CREATE INDEX access_jti_expires ON access_jti (tn, client, expires_us);
{{rls access_jti}}
