-- series: what the results of one sender under one code have shown, counted over many patients and naming none. name16: keyed digest of
-- the name. ver: rises with each write. body: name and counts, sealed under the tenant's shared key.
CREATE TABLE series (
  tn     {{int}}  NOT NULL,
  name16 {{blob}} NOT NULL,
  ver    {{int}}  NOT NULL,
  body   {{blob}} NOT NULL,
  PRIMARY KEY (tn, name16)
) {{strict}};
{{rls series}}
