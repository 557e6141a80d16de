package access

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
)

//go:embed page
var pageFiles embed.FS

var linkPage = template.Must(template.ParseFS(pageFiles, "page/link.html"))

// pagePolicy lets the sign-in page run its own script and style and talk to this node, nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Routes returns /oauth/token (client_credentials with private_key_jwt; one-time code), /oauth/link and the well-known documents.
func (a *Authority) Routes() []Route {
	open := func(pattern, why string, h http.HandlerFunc) Route {
		return Route{Pattern: pattern, Audit: AuditNone, Why: why, Open: h}
	}
	const public = "public document without data"
	return []Route{
		open("POST "+tokenPath, "issuing writes its own entry, refusals are counted per source", a.serveToken),
		open("GET "+linkPath, public, a.servePage("text/html; charset=utf-8", "link.html")),
		open("GET "+linkPath+".js", public, a.servePage("text/javascript; charset=utf-8", "link.js")),
		open("GET "+linkPath+".css", public, a.servePage("text/css; charset=utf-8", "link.css")),
		open("GET "+keysPath, public, a.serveKeys),
		open("GET "+metadataPath, public, a.serveMetadata),
	}
}

// servePage serves the sign-in page and its parts.
func (a *Authority) servePage(media, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", media)
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if name == "link.html" {
			_ = linkPage.Execute(w, map[string]string{"Token": tokenPath, "Grant": grantOneTime, "Script": linkPath + ".js", "Style": linkPath + ".css"})
			return
		}
		text, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		w.Write(text)
	}
}

// serveKeys is the JWKS by which others can check this node's tokens.
func (a *Authority) serveKeys(w http.ResponseWriter, _ *http.Request) {
	doc, err := a.tokens.jwks()
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(doc)
}

// metadata is the authorization server's description.
//
// SPEC(RFC 8414 2): issuer, token_endpoint and response_types_supported are required; the latter is empty, because there
// is no authorization endpoint.
type metadata struct {
	Issuer        string   `json:"issuer"`
	TokenEndpoint string   `json:"token_endpoint"`
	JWKSURI       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
}

func (a *Authority) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	algs := make([]string, len(assertionAlgs))
	for i, alg := range assertionAlgs {
		algs[i] = string(alg)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(metadata{
		Issuer: a.issuer, TokenEndpoint: a.issuer + tokenPath, JWKSURI: a.issuer + keysPath, ResponseTypes: []string{},
		GrantTypes: []string{grantClient, grantOneTime}, AuthMethods: []string{"private_key_jwt", "none"}, AuthAlgs: algs,
	})
}
