package seal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/engine/db"
	"github.com/ward-health/ward/engine/keys"
)

// layersMax bounds the keys that one content key is wrapped to.
const layersMax = 64

// What follows the first byte of an opened wrap.
const (
	layerContent = 1 // kid(16) | key(32)
	layerMore    = 2 // a sealed text under the next key
)

// Content is a random key of its own for something whose owner may change: a message before it is understood. It seals and opens
// as a Key does and is kept only as its wrap. It holds no printable state; the zero Content refuses.
type Content struct {
	k   Key
	key keys.Secret
}

// NewContent makes a content key of a tenant.
func NewContent(tn db.Tenant) (Content, error) {
	var kid KeyID
	rand.Read(kid[:])
	return newContent(tn, kid, keys.NewKey())
}

func newContent(tn db.Tenant, kid KeyID, key []byte) (Content, error) {
	s, err := newSecret(tn, kid, key)
	if err != nil {
		return Content{}, err
	}
	return Content{Key{s}, key}, nil
}

// Format implements fmt.Formatter for every verb.
func (c Content) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[key]") }

// LogValue implements slog.LogValuer.
func (c Content) LogValue() slog.Value { return slog.StringValue("[key]") }

// MarshalJSON refuses.
func (c Content) MarshalJSON() ([]byte, error) {
	return nil, errors.New("seal: a key is not marshalled")
}

// MarshalText refuses.
func (c Content) MarshalText() ([]byte, error) { return c.MarshalJSON() }

// Seal is Key.Seal.
func (c Content) Seal(rec Record, plaintext []byte) ([]byte, error) { return c.k.Seal(rec, plaintext) }

// Open is Key.Open.
func (c Content) Open(rec Record, sealed []byte) ([]byte, error) { return c.k.Open(rec, sealed) }

// Wrap seals the content key under all the keys given, one around the other: Ring.Unwrap needs every one of them, so that the
// destruction of any destroys what the content key sealed. Each layer is the record rec with the number of the layer, from 1 inside,
// as its Version. At least one key, at most 64, all of the content's tenant.
//
// SPEC(DESIGN 4.3): a message of several patients is wrapped to each; none of it opens when one of them was erased.
func (c Content) Wrap(rec Record, under ...Key) ([]byte, error) {
	const op = "seal.wrap"
	if c.k.s == nil || len(under) == 0 || len(under) > layersMax {
		return nil, ward.E(ward.Internal, op, fmt.Sprintf("a content key is wrapped to 1 to %d keys", layersMax), nil)
	}
	inner := append(append([]byte{layerContent}, c.k.s.kid[:]...), c.key...)
	defer clear(inner)
	text := inner
	for i, k := range under {
		if k.s == nil || k.s.tn != c.k.s.tn {
			return nil, ward.E(ward.Internal, op, "a content key is wrapped to keys of its own tenant only", nil)
		}
		rec.Version = int64(i + 1)
		sealed, err := k.Seal(rec, text)
		if err != nil {
			return nil, err
		}
		if i == len(under)-1 {
			return sealed, nil
		}
		text = append([]byte{layerMore}, sealed...)
	}
	return nil, nil // not reached: under is not empty
}

// Unwrap opens a wrap of the number of keys given. ward.Gone: one of the keys was destroyed. Any other change is ward.Internal.
func (r *Ring) Unwrap(ctx context.Context, tn db.Tenant, rec Record, wrapped []byte, layers int) (Content, error) {
	broken := ward.E(ward.Internal, "seal.unwrap", "a content key is not wrapped as its record says", nil)
	for layer := layers; layer > 0 && layer <= layersMax; layer-- {
		kid, err := KeyOf(wrapped)
		if err != nil {
			return Content{}, err
		}
		k, err := r.Key(ctx, tn, kid)
		if err != nil {
			return Content{}, err
		}
		rec.Version = int64(layer)
		text, err := k.Open(rec, wrapped)
		switch {
		case err != nil:
			return Content{}, err
		case len(text) == 0:
			return Content{}, broken
		case layer > 1 && text[0] == layerMore:
			wrapped = text[1:]
		case layer == 1 && text[0] == layerContent && len(text) == 1+len(kid)+keys.KeySize:
			return newContent(tn, KeyID(text[1:17]), text[17:])
		default:
			return Content{}, broken
		}
	}
	return Content{}, broken
}
