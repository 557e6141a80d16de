-- Sessions of browsers, by a keyed digest of the cookie's value, which is kept nowhere. epoch: of the principal at sign-in.
-- seen_us: the newest request that counts, at most a minute late. A row that has ended is deleted.

CREATE TABLE access_session (
  tn        {{int}}  NOT NULL,
  digest    {{blob}} NOT NULL,
  principal {{text}} NOT NULL,
  epoch     {{int}}  NOT NULL,
  made_us   {{int}}  NOT NULL,
  seen_us   {{int}}  NOT NULL,
  PRIMARY KEY (tn, digest)
) {{strict}};
CREATE UNIQUE INDEX access_session_digest ON access_session (digest);
CREATE INDEX access_session_principal ON access_session (tn, principal);
{{rls access_session}}
