package access

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ward-health/ward"
	"github.com/ward-health/ward/audit"
	"github.com/ward-health/ward/engine/db"
)

// authorityOf makes a self-signed certificate.
func authorityOf(t testing.TB, ca bool, until time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Senders"}, NotBefore: until.Add(-time.Hour), NotAfter: until,
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func prefixes(t testing.TB, texts ...string) (out []netip.Prefix) {
	t.Helper()
	for _, s := range texts {
		p, err := netip.ParsePrefix(s)
		must(t, err)
		out = append(out, p)
	}
	return out
}

// lab is a good channel.
func lab() Channel { return Channel{ID: "lab", Principal: "feed", Listen: "127.0.0.1:2575"} }

// TestChannelRules names, for everything that may be wrong, the kind of the error and the field.
func TestChannelRules(t *testing.T) {
	w := onSQLite(t)
	w.tenant("north")
	w.tenant("south")
	w.human("north", "nora", ward.Clinician)
	w.feed("north", "feed")
	w.feed("north", "gone")
	w.feed("south", "far")
	_, err := w.AddPrincipal(w.ctx, w.operator("north", AdminPrincipal), ward.Principal{ID: "bot", Kind: ward.Service, Name: "Bot", Roles: []ward.Role{ward.Clinician}})
	must(t, err)
	must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "gone"))
	ca := authorityOf(t, true, time.Now().Add(time.Hour))
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	must(t, err)
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	many := map[string]string{}
	for i := range maxSystems + 1 {
		many[fmt.Sprint(i)] = "urn:x:y"
	}
	for name, c := range map[string]struct {
		change func(*Channel)
		kind   ward.ErrorKind
		path   string
	}{
		"no id":                {func(c *Channel) { c.ID = "" }, ward.Invalid, "id"},
		"large id":             {func(c *Channel) { c.ID = "Lab" }, ward.Invalid, "id"},
		"long id":              {func(c *Channel) { c.ID = strings.Repeat("a", 41) }, ward.Invalid, "id"},
		"slash":                {func(c *Channel) { c.ID = "a/b" }, ward.Invalid, "id"},
		"no principal":         {func(c *Channel) { c.Principal = "" }, ward.Invalid, "principal"},
		"unknown principal":    {func(c *Channel) { c.Principal = "nobody" }, ward.NotFound, ""},
		"another's principal":  {func(c *Channel) { c.Principal = "far" }, ward.NotFound, ""},
		"disabled principal":   {func(c *Channel) { c.Principal = "gone" }, ward.Denied, ""},
		"human":                {func(c *Channel) { c.Principal = "nora" }, ward.Invalid, "principal"},
		"no feed":              {func(c *Channel) { c.Principal = "bot" }, ward.Invalid, "principal"},
		"no address":           {func(c *Channel) { c.Listen = "" }, ward.Invalid, "listen"},
		"port only":            {func(c *Channel) { c.Listen = ":2575" }, ward.Invalid, "listen"},
		"name":                 {func(c *Channel) { c.Listen = "localhost:2575" }, ward.Invalid, "listen"},
		"no port":              {func(c *Channel) { c.Listen = "127.0.0.1" }, ward.Invalid, "listen"},
		"large port":           {func(c *Channel) { c.Listen = "127.0.0.1:65536" }, ward.Invalid, "listen"},
		"zone of an address":   {func(c *Channel) { c.Listen = "[fe80::1%eth0]:2575" }, ward.Invalid, "listen"},
		"many hear":            {func(c *Channel) { c.Listen = "224.0.0.1:2575" }, ward.Invalid, "listen"},
		"free port outside":    {func(c *Channel) { c.Listen, c.Allow = "0.0.0.0:0", prefixes(t, "10.0.0.0/8") }, ward.Invalid, "listen"},
		"open door":            {func(c *Channel) { c.Listen = "0.0.0.0:2575" }, ward.Invalid, "allow"},
		"open door, six":       {func(c *Channel) { c.Listen = "[::]:2575" }, ward.Invalid, "allow"},
		"open door, mapped":    {func(c *Channel) { c.Listen = "[::ffff:10.0.0.1]:2575" }, ward.Invalid, "allow"},
		"open door, TLS":       {func(c *Channel) { c.Listen, c.TLS = "10.0.0.1:2575", true }, ward.Invalid, "allow"},
		"everybody":            {func(c *Channel) { c.Allow = prefixes(t, "10.0.0.0/8", "0.0.0.0/0") }, ward.Invalid, "allow[1]"},
		"everybody, six":       {func(c *Channel) { c.Allow = prefixes(t, "::/0") }, ward.Invalid, "allow[0]"},
		"no prefix":            {func(c *Channel) { c.Allow = []netip.Prefix{{}} }, ward.Invalid, "allow[0]"},
		"bits behind":          {func(c *Channel) { c.Allow = prefixes(t, "10.0.0.1/8") }, ward.Invalid, "allow[0]"},
		"mapped prefix":        {func(c *Channel) { c.Allow = prefixes(t, "::ffff:10.0.0.0/104") }, ward.Invalid, "allow[0]"},
		"prefix twice":         {func(c *Channel) { c.Allow = prefixes(t, "10.0.0.0/8", "10.0.0.0/8") }, ward.Invalid, "allow[1]"},
		"many prefixes":        {func(c *Channel) { c.Allow = make([]netip.Prefix, maxAllow+1) }, ward.Invalid, "allow[64]"},
		"certificates, no TLS": {func(c *Channel) { c.ClientCA = ca }, ward.Invalid, "client_ca"},
		"no PEM":               {func(c *Channel) { c.TLS, c.ClientCA = true, []byte("x") }, ward.Invalid, "client_ca"},
		"blank PEM":            {func(c *Channel) { c.TLS, c.ClientCA = true, []byte(" \n") }, ward.Invalid, "client_ca"},
		"more after it":        {func(c *Channel) { c.TLS, c.ClientCA = true, append(append([]byte{}, ca...), "x"...) }, ward.Invalid, "client_ca"},
		"a key":                {func(c *Channel) { c.TLS, c.ClientCA = true, append(append([]byte{}, ca...), key...) }, ward.Invalid, "client_ca"},
		"broken": {func(c *Channel) {
			c.TLS, c.ClientCA = true, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
		}, ward.Invalid, "client_ca"},
		"no authority":          {func(c *Channel) { c.TLS, c.ClientCA = true, authorityOf(t, false, time.Now().Add(time.Hour)) }, ward.Invalid, "client_ca"},
		"expired":               {func(c *Channel) { c.TLS, c.ClientCA = true, authorityOf(t, true, time.Now().Add(-time.Minute)) }, ward.Invalid, "client_ca"},
		"large PEM":             {func(c *Channel) { c.TLS, c.ClientCA = true, make([]byte, maxCA+1) }, ward.Invalid, "client_ca"},
		"many authorities":      {func(c *Channel) { c.TLS, c.ClientCA = true, []byte(strings.Repeat(string(ca), maxCACerts+1)) }, ward.Invalid, "client_ca"},
		"strange processing":    {func(c *Channel) { c.Processing = "X" }, ward.Invalid, "processing"},
		"small processing":      {func(c *Channel) { c.Processing = "p" }, ward.Invalid, "processing"},
		"strange zone":          {func(c *Channel) { c.Zone = "Europe/Nowhere" }, ward.Invalid, "zone"},
		"the machine's zone":    {func(c *Channel) { c.Zone = "Local" }, ward.Invalid, "zone"},
		"a file":                {func(c *Channel) { c.Zone = "../../etc/passwd" }, ward.Invalid, "zone"},
		"zone of leap seconds":  {func(c *Channel) { c.Zone = "right/UTC" }, ward.Invalid, "zone"},
		"offset":                {func(c *Channel) { c.Zone = "+02:00" }, ward.Invalid, "zone"},
		"strange charset":       {func(c *Channel) { c.Charset = "KLINGON" }, ward.Invalid, "charset"},
		"other charset":         {func(c *Channel) { c.Charset = "8859/2" }, ward.Invalid, "charset"},
		"no system":             {func(c *Channel) { c.Systems = map[string]string{"A": ""} }, ward.Invalid, "systems"},
		"relative system":       {func(c *Channel) { c.Systems = map[string]string{"A": "mrn"} }, ward.Invalid, "systems"},
		"blank in a system":     {func(c *Channel) { c.Systems = map[string]string{"A": "http://x.example/a b"} }, ward.Invalid, "systems"},
		"long system":           {func(c *Channel) { c.Systems = map[string]string{"A": "urn:x:" + strings.Repeat("y", 250)} }, ward.Invalid, "systems"},
		"nameless":              {func(c *Channel) { c.Systems = map[string]string{"": "urn:x:y"} }, ward.Invalid, "systems"},
		"blank around":          {func(c *Channel) { c.Systems = map[string]string{" A": "urn:x:y"} }, ward.Invalid, "systems"},
		"control in a name":     {func(c *Channel) { c.Systems = map[string]string{"A\r": "urn:x:y"} }, ward.Invalid, "systems"},
		"no text":               {func(c *Channel) { c.Systems = map[string]string{"A\xff": "urn:x:y"} }, ward.Invalid, "systems"},
		"many systems":          {func(c *Channel) { c.Systems = many }, ward.Invalid, "systems"},
		"strange purpose":       {func(c *Channel) { c.Purpose = "FUN" }, ward.Invalid, "purpose"},
		"purpose of no receipt": {func(c *Channel) { c.Purpose = ward.Marketing }, ward.Invalid, "purpose"},
		"disabled":              {func(c *Channel) { c.Disabled = true }, ward.Invalid, "disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			ch := lab()
			c.change(&ch)
			err := w.AddChannel(w.ctx, w.operator("north", AdminChannel), ch)
			wantKind(t, err, c.kind)
			var e *ward.Error
			if !errors.As(err, &e) || e.Path != c.path || strings.Contains(e.Public, "PRIVATE") {
				t.Errorf("at %q, want %q: %v", e.Path, c.path, err)
			}
		})
	}
	if n := w.rows()["access_channel"]; n != 0 || len(w.entries(audit.ActChannelAdd, audit.Done)) != 0 {
		t.Errorf("%d rows of refused channels", n)
	}
	must(t, w.AddChannel(w.ctx, w.operator("north", AdminChannel), lab()))
}

// A channel comes back as it was given, in canonical form.
func TestChannelComesBack(t *testing.T) {
	each(t, func(w *world) {
		w.tenant("north")
		w.feed("north", "feed")
		ca := authorityOf(t, true, time.Now().Add(time.Hour))
		add := func(c Channel) { must(t, w.AddChannel(w.ctx, w.operator("north", AdminChannel), c)) }
		add(lab())
		add(Channel{ID: "ward-7", Principal: "feed", Listen: "[::ffff:10.1.2.3]:2575", TLS: true, ClientCA: append([]byte("\n"), ca...),
			Allow: prefixes(t, "10.1.0.0/16", "2001:db8::/32"), Processing: "T", Zone: "Europe/Berlin", Charset: "iso-8859-1",
			Systems: map[string]string{"MRN^^^GOOD": "http://hospital.example/mrn", "KLINIK ÄÖ": "urn:oid:1.2.3"}, Purpose: ward.Operations})
		want := []Channel{
			{ID: "lab", Principal: "feed", Listen: "127.0.0.1:2575", Processing: "P", Zone: "UTC", Purpose: ward.Treatment},
			{ID: "ward-7", Principal: "feed", Listen: "10.1.2.3:2575", TLS: true, ClientCA: ca, Allow: prefixes(t, "10.1.0.0/16", "2001:db8::/32"),
				Processing: "T", Zone: "Europe/Berlin", Charset: "8859/1",
				Systems: map[string]string{"MRN^^^GOOD": "http://hospital.example/mrn", "KLINIK ÄÖ": "urn:oid:1.2.3"}, Purpose: ward.Operations},
		}
		same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
		got, err := w.Channels(w.ctx, w.operator("north", AdminChannel), "", 0)
		must(t, err)
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Error(diff)
		}
		if got, err = w.Channels(w.ctx, w.operator("north", AdminChannel), "lab", 1); err != nil || len(got) != 1 || got[0].ID != "ward-7" {
			t.Errorf("%v %v", got, err)
		}
		active, err := w.ActiveChannels(w.ctx)
		must(t, err)
		if len(active) != 2 || active[0].Tenant.ID != "north" || cmp.Diff(want[1], active[1].Channel, same) != "" {
			t.Errorf("%+v", active)
		}
		if n := len(w.entries(audit.ActAdminRead, audit.Done)); n != 2 {
			t.Errorf("%d entries of two lists", n)
		}
	})
}

// TestChannelLife follows channels of two tenants through everything that ends one.
func TestChannelLife(t *testing.T) {
	each(t, func(w *world) {
		north, south := w.tenant("north"), w.tenant("south")
		for _, f := range []string{"feed", "other"} {
			w.feed("north", f)
		}
		w.feed("south", "far")
		_, err := w.AddPrincipal(w.ctx, w.operator("south", AdminPrincipal), ward.Principal{ID: "feed", Kind: ward.Service, Name: "A namesake", Roles: []ward.Role{ward.Integration}})
		must(t, err)
		changes, stop := w.ChannelChanges()
		defer stop()
		changed := func(what string) {
			t.Helper()
			select {
			case <-changes:
			case <-time.After(time.Minute):
				t.Errorf("nobody heard of: %s", what)
			}
		}
		active := func(want ...string) {
			t.Helper()
			got, err := w.ActiveChannels(w.ctx)
			must(t, err)
			var ids []string
			for _, c := range got {
				ids = append(ids, string(c.Tenant.ID)+"/"+c.ID)
			}
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Error(diff)
			}
		}
		works := func(tenant ward.Tenant, id string, want ward.PrincipalID) {
			t.Helper()
			who, purpose, err := w.ChannelPrincipal(w.ctx, tenant, id)
			if want == "" {
				wantKind(t, err, ward.Unauthentic)
				return
			}
			must(t, err)
			if who.ID != want || who.Tenant.ID != tenant.ID || purpose != ward.Treatment {
				t.Errorf("%+v %s", who, purpose)
			}
			_, err = w.Decide(w.ctx, Request{Principal: who, Action: Receive, Purpose: purpose})
			must(t, err)
		}
		add := func(tenant ward.TenantID, id, principal, listen string) error {
			return w.AddChannel(w.ctx, w.operator(tenant, AdminChannel), Channel{ID: id, Principal: ward.PrincipalID(principal), Listen: listen})
		}
		must(t, add("north", "lab", "feed", "127.0.0.1:2575"))
		changed("a channel that was added")
		must(t, add("north", "ward", "other", "127.0.0.1:2576"))
		must(t, add("south", "clinic", "far", "127.0.0.1:2577"))
		active("north/lab", "north/ward", "south/clinic")
		works(north, "lab", "feed")
		works(south, "clinic", "far")
		works(south, "lab", "") // of another tenant
		works(ward.Tenant{ID: "north", Number: south.Number}, "lab", "")
		works(north, "nothing", "")

		wantKind(t, add("north", "lab", "feed", "127.0.0.1:2580"), ward.Conflict)
		wantKind(t, add("south", "lab", "far", "127.0.0.1:2580"), ward.Conflict)
		wantKind(t, add("south", "lab-2", "far", "127.0.0.1:2575"), ward.Conflict)
		wantKind(t, add("south", "lab-2", "far", "[::ffff:127.0.0.1]:2575"), ward.Conflict)
		err = w.AddChannel(w.ctx, w.operator("south", AdminChannel), Channel{ID: "lab-2", Principal: "far", Listen: "0.0.0.0:2575", Allow: prefixes(t, "10.0.0.0/8")})
		wantKind(t, err, ward.Conflict)
		must(t, add("south", "free-1", "far", "127.0.0.1:0"))
		must(t, add("south", "free-2", "far", "127.0.0.1:0"))

		wantKind(t, w.DisableChannel(w.ctx, w.operator("south", AdminChannel), "lab"), ward.NotFound)
		wantKind(t, w.DisableChannel(w.ctx, w.operator("south", AdminChannel), "No Name"), ward.NotFound)
		must(t, w.DisableChannel(w.ctx, w.operator("south", AdminChannel), "free-1"))
		must(t, w.DisableChannel(w.ctx, w.operator("south", AdminChannel), "free-2"))
		for len(changes) > 0 {
			<-changes
		}
		must(t, w.DisableChannel(w.ctx, w.operator("north", AdminChannel), "lab"))
		changed("a channel that was disabled")
		must(t, w.DisableChannel(w.ctx, w.operator("north", AdminChannel), "lab"))
		works(north, "lab", "")
		// What was taken before is still somebody's.
		tenant, who, purpose, err := w.ChannelOwner(w.ctx, db.Tenant(north.Number), "lab")
		must(t, err)
		if tenant != north || who.ID != "feed" || purpose != ward.Treatment {
			t.Errorf("%+v %+v %s", tenant, who, purpose)
		}
		_, _, _, err = w.ChannelOwner(w.ctx, db.Tenant(south.Number), "lab")
		wantKind(t, err, ward.Unauthentic)
		wantKind(t, add("north", "lab", "feed", "127.0.0.1:2580"), ward.Conflict) // an id is never used again
		must(t, add("south", "lab-2", "far", "127.0.0.1:2575"))                   // an address is
		active("north/ward", "south/clinic", "south/lab-2")

		must(t, w.DisablePrincipal(w.ctx, w.operator("north", AdminPrincipal), "other"))
		works(north, "ward", "")
		_, _, _, err = w.ChannelOwner(w.ctx, db.Tenant(north.Number), "ward")
		wantKind(t, err, ward.Unauthentic)
		active("south/clinic", "south/lab-2")
		must(t, w.DisableTenant(w.ctx, w.operator("", AdminTenant), "south"))
		works(south, "clinic", "")
		active()
		list, err := w.Channels(w.ctx, w.operator("north", AdminChannel), "", 0)
		must(t, err)
		if len(list) != 2 || !list[0].Disabled || list[1].Disabled {
			t.Errorf("%+v", list)
		}
		if adds, ends := len(w.entries(audit.ActChannelAdd, audit.Done)), len(w.entries(audit.ActChannelDisable, audit.Done)); adds != 6 || ends != 4 {
			t.Errorf("%d entries of 6 channels, %d of 4 ends", adds, ends)
		}
	})
}

// A tenant's administrator may, its clinician may not.
func TestChannelsAreAdministration(t *testing.T) {
	w := onSQLite(t)
	north := w.tenant("north")
	for role, want := range map[ward.Role]bool{ward.Admin: true, ward.Clinician: false, ward.Steward: false, ward.Auditor: false, ward.Privacy: false, ward.Registrar: false} {
		p := ward.Principal{ID: "x", Kind: ward.Human, Tenant: north, Roles: []ward.Role{role}}
		if _, err := w.Decide(w.ctx, Request{Principal: p, Action: AdminChannel, Purpose: DefaultPurpose(p)}); (err == nil) != want {
			t.Errorf("%s: %v", role, err)
		}
	}
}

// One address and one name are taken once, however many ask at the same time.
func TestParallelChannels(t *testing.T) {
	each(t, func(w *world) {
		for _, tenant := range []ward.TenantID{"north", "south"} {
			w.tenant(tenant)
			w.feed(tenant, "feed-"+string(tenant))
		}
		errs := make([]error, 40)
		var wg sync.WaitGroup
		for i := range errs {
			tenant := []ward.TenantID{"north", "south"}[i%2]
			c := Channel{ID: fmt.Sprint("c-", i), Principal: ward.PrincipalID("feed-" + tenant), Listen: "127.0.0.1:2575"}
			if i%4 >= 2 {
				c.ID, c.Listen = "same", fmt.Sprint("127.0.0.1:", 3000+i)
			}
			p := w.operator(tenant, AdminChannel)
			wg.Go(func() { errs[i] = w.AddChannel(w.ctx, p, c) })
		}
		wg.Wait()
		ok := 0
		for _, err := range errs {
			if err == nil {
				ok++
			} else if ward.KindOf(err) != ward.Conflict {
				t.Error(err)
			}
		}
		if ok != 2 || w.rows()["access_channel"] != 2 || len(w.entries(audit.ActChannelAdd, audit.Done)) != 2 {
			t.Errorf("%d of 40 succeeded, %d rows", ok, w.rows()["access_channel"])
		}
	})
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:1", "127.0.0.1:1", true}, {"127.0.0.1:1", "127.0.0.1:2", false}, {"127.0.0.1:1", "127.0.0.2:1", false},
		{"0.0.0.0:1", "127.0.0.1:1", true}, {"10.0.0.1:1", "[::]:1", true}, {"[::1]:1", "127.0.0.1:1", false},
		{"127.0.0.1:0", "127.0.0.1:0", false}, {"x", "x", true}, {"x", "127.0.0.1:1", false},
	} {
		if overlap(c.a, c.b) != c.want || overlap(c.b, c.a) != c.want {
			t.Errorf("%s and %s", c.a, c.b)
		}
	}
}

// FuzzChannel: what is accepted is canonical, stands for what was given, keeps its row, and leaves no door open.
func FuzzChannel(f *testing.F) {
	now := time.Now()
	ca := authorityOf(f, true, now.Add(time.Hour))
	f.Add("lab", "feed", "127.0.0.1:2575", false, []byte(nil), "", "", "", "", "A", "urn:x:y")
	f.Add("lab", "feed", "0.0.0.0:2575", true, ca, "10.0.0.0/8,2001:db8::/32", "T", "Europe/Berlin", "8859/1", "MRN^^^GOOD", "http://x.example/mrn")
	f.Add("lab", "feed", "[::ffff:10.0.0.1]:1", false, []byte("x"), "0.0.0.0/0", "X", "Local", "UNICODE UTF-8", " ", "x y")
	f.Fuzz(func(t *testing.T, id, principal, listen string, tls bool, ca []byte, allow, processing, zone, charset, authority, system string) {
		c := Channel{ID: id, Principal: ward.PrincipalID(principal), Listen: listen, TLS: tls, ClientCA: ca, Processing: processing, Zone: zone,
			Charset: charset, Systems: map[string]string{authority: system}}
		for _, s := range strings.Split(allow, ",") {
			p, _ := netip.ParsePrefix(s)
			if s != "" {
				c.Allow = append(c.Allow, p)
			}
		}
		got, err := checkChannel(c, now)
		if err != nil {
			if ward.KindOf(err) != ward.Invalid {
				t.Fatal(err)
			}
			return
		}
		at, err := netip.ParseAddrPort(got.Listen)
		if err != nil || at.String() != got.Listen {
			t.Fatalf("listens on %q", got.Listen)
		}
		if !at.Addr().IsLoopback() && len(got.ClientCA) == 0 && len(got.Allow) == 0 || len(got.ClientCA) > 0 && !got.TLS {
			t.Fatalf("an open door: %+v", got)
		}
		if _, err := time.LoadLocation(got.Zone); err != nil || got.Zone == "Local" || !strings.Contains("PDT", got.Processing) || got.Processing == "" {
			t.Fatalf("%+v", got)
		}
		again, err := checkChannel(got, now)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("not canonical: %+v, %+v, %v", got, again, err)
		}
		row, err := channelRow(7, got, now)
		must(t, err)
		back, err := scanChannel(scanOf(row))
		must(t, err)
		if !reflect.DeepEqual(got, back.Channel) || back.tn != 7 {
			t.Fatalf("%+v came back as %+v", got, back.Channel)
		}
	})
}

// scanOf scans a row as it was written.
func scanOf(row []any) func(...any) error {
	return func(dest ...any) error {
		for i, d := range dest {
			switch d := d.(type) {
			case *int64:
				if b, ok := row[i].(bool); ok {
					*d = map[bool]int64{true: 1}[b]
				} else {
					*d = row[i].(int64)
				}
			case *string:
				*d = row[i].(string)
			case *[]byte:
				*d = row[i].([]byte)
			}
		}
		return nil
	}
}
