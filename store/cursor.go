package store

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/access"
	"github.com/ward-health/ward/clinical/fhir"
	"github.com/ward-health/ward/engine/keys/seal"
)

// What a cursor continues.
const (
	cursorSearch    = "search"
	cursorHistory   = "history"
	cursorDecisions = "decisions"
	cursorMessages  = "messages"
	cursorHolds     = "holds"
)

// maxCursor bounds a cursor's text; one for the longest query that ParseSearch takes is shorter.
const maxCursor = 128 << 10

// cursorBody is what a cursor says, sealed under the tenant's shared key: nobody reads or makes one. It is bound to the
// principal, its purpose and the policy set, so that it continues only the same question of the same asker. Row numbers
// fall from page to page, so what was created since the first page never shows up on a later one.
type cursorBody struct {
	Kind      string
	Principal ward.PrincipalID
	Purpose   ward.Purpose
	Policy    string
	About     string // resource type, Type/id, or patient
	Query     *fhir.Search
	Last      int64 // row, version or sequence number of the last row considered
}

var errCursor = ward.E(ward.Invalid, "store.cursor",
	"the page cursor is not one that was given to you for this query; start again without it", nil).At("cursor")

func cursorRecord() seal.Record {
	return seal.Record{Kind: "cursor", RID: be8(1), Version: 1, Schema: schemaVersion}
}

func (c *cursorBody) bind(p access.Permit) {
	policy := p.Policy()
	c.Principal, c.Purpose, c.Policy = p.Principal().ID, p.Purpose(), hex.EncodeToString(policy[:])
}

func (s *Store) sealCursor(ctx context.Context, p access.Permit, c cursorBody) (string, error) {
	c.bind(p)
	key, err := s.ring.Current(ctx, p.Tenant(), seal.Subject{}, seal.Data)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return "", internal("store.cursor", "the cursor cannot be written", err)
	}
	sealed, err := key.Seal(cursorRecord(), text)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// openCursor returns what a cursor says; a foreign, altered or misplaced one is ward.Invalid.
func (s *Store) openCursor(ctx context.Context, p access.Permit, kind, about, cursor string) (cursorBody, error) {
	var c, want cursorBody
	if len(cursor) > maxCursor {
		return c, errCursor
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return c, errCursor
	}
	kid, err := seal.KeyOf(sealed)
	if err != nil {
		return c, errCursor
	}
	key, err := s.ring.Key(ctx, p.Tenant(), kid)
	if k := ward.KindOf(err); err != nil && (k == ward.NotFound || k == ward.Gone || k == ward.Internal) {
		return c, errCursor
	} else if err != nil {
		return c, err
	}
	text, err := key.Open(cursorRecord(), sealed)
	if err != nil || json.Unmarshal(text, &c) != nil {
		return c, errCursor
	}
	want.bind(p)
	if c.Kind != kind || c.About != about || c.Principal != want.Principal || c.Purpose != want.Purpose || c.Policy != want.Policy {
		return c, errCursor
	}
	return c, nil
}
