package keys

import (
	"archive/zip"
	"bytes"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vector holds the fields of every suite used here.
type vector struct {
	ID      int      `json:"tcId"`
	Comment string   `json:"comment"`
	Result  string   `json:"result"`
	Key     hexBytes `json:"key"`
	IV      hexBytes `json:"iv"`
	AAD     hexBytes `json:"aad"`
	Msg     hexBytes `json:"msg"`
	CT      hexBytes `json:"ct"`
	Tag     hexBytes `json:"tag"`
	IKM     hexBytes `json:"ikm"`
	Salt    hexBytes `json:"salt"`
	Info    hexBytes `json:"info"`
	OKM     hexBytes `json:"okm"`
	Sig     hexBytes `json:"sig"`
	Size    int      `json:"size"`
	public  []byte
}

type vectorFile struct {
	Total  int `json:"numberOfTests"`
	Groups []struct {
		Public hexBytes `json:"publicKeyDer"`
		Tests  []vector `json:"tests"`
	} `json:"testGroups"`
}

// suites: accepts says whether Ward's own function takes the vector; listed is true for parameters that Ward refuses by
// design (then accepts must say no, even to a valid one).
var suites = []struct {
	file, listedBecause string
	total               int
	accepts             func(v vector) (accepted, listed bool)
}{
	{"aes_gcm", "Ward uses 256-bit keys and 96-bit nonces only", 316, func(v vector) (bool, bool) {
		listed := len(v.Key) != KeySize || len(v.IV) != 12
		gcm, err := NewGCM(v.Key)
		if err != nil {
			return false, listed
		}
		plain, err := gcm.Open(nil, nil, bytes.Join([][]byte{v.IV, v.CT, v.Tag}, nil), v.AAD)
		return err == nil && bytes.Equal(plain, v.Msg), listed
	}},
	{"hkdf_sha256", "", 86, func(v vector) (bool, bool) {
		okm, err := derive(v.IKM, v.Salt, string(v.Info), v.Size)
		return err == nil && bytes.Equal(okm, v.OKM), false
	}},
	{"hmac_sha256", "", 174, func(v vector) (bool, bool) {
		m := newMAC(v.Key)
		m.digest(false, [][]byte{[]byte("a state that was used before")})
		sum := m.digest(false, [][]byte{v.Msg})
		return subtle.ConstantTimeCompare(sum[:min(len(v.Tag), 32)], v.Tag) == 1, false
	}},
	{"ecdsa_secp256r1_sha256", "", 484, func(v vector) (bool, bool) {
		ok := Verify(v.public, v.Msg, v.Sig) == nil
		if ok { // what verifies survives the way to JOSE and back
			raw, err := P1363(v.Sig)
			der, derErr := DER(raw)
			ok = err == nil && derErr == nil && bytes.Equal(der, v.Sig)
		}
		return ok, false
	}},
	{"ecdsa_secp256r1_sha256_p1363", "", 262, func(v vector) (bool, bool) {
		der, err := DER(v.Sig)
		return err == nil && Verify(v.public, v.Msg, der) == nil, false
	}},
	{"ed25519", "", 151, func(v vector) (bool, bool) { return Verify(v.public, v.Msg, v.Sig) == nil, false }},
}

func TestWycheproof(t *testing.T) {
	gold := os.Getenv("WARD_GOLD")
	archive, err := zip.OpenReader(filepath.Join(gold, "wycheproof", "wycheproof-selection.zip"))
	if gold == "" || err != nil {
		for _, s := range suites {
			fmt.Printf("\nsuite wycheproof.%s total %d pass 0 listed 0 notrun %d\n", s.file, s.total, s.total)
		}
		if os.Getenv("WARD_REQUIRE_ALL") == "1" {
			t.Fatalf("the Wycheproof vectors are required; set WARD_GOLD: %v", err)
		}
		return
	}
	defer archive.Close()
	for _, s := range suites {
		raw, err := archive.Open("testvectors_v1/" + s.file + "_test.json")
		if err != nil {
			t.Fatal(err)
		}
		var f vectorFile
		if err := json.NewDecoder(raw).Decode(&f); err != nil {
			t.Fatal(s.file, err)
		}
		if f.Total != s.total {
			t.Errorf("%s: %d vectors, expected %d", s.file, f.Total, s.total)
		}
		pass, listed, total := 0, 0, 0
		for _, g := range f.Groups {
			for _, v := range g.Tests {
				total++
				v.public = g.Public
				accepted, refusedByDesign := s.accepts(v)
				switch {
				case v.Result != "valid" && v.Result != "invalid":
					t.Errorf("%s %d: result %q is not known to this test", s.file, v.ID, v.Result)
				case refusedByDesign && s.listedBecause != "" && !accepted:
					listed++
				case !refusedByDesign && accepted == (v.Result == "valid"):
					pass++
				default:
					t.Errorf("%s %d (%s): accepted %v, expected %s", s.file, v.ID, v.Comment, accepted, v.Result)
				}
			}
		}
		if total != f.Total {
			t.Errorf("%s: %d tests for a total of %d", s.file, total, f.Total)
		}
		fmt.Printf("\nsuite wycheproof.%s total %d pass %d listed %d notrun 0\n", s.file, total, pass, listed)
	}
}
