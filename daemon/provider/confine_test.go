package provider

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/account"
)

// nameServer answers every question for an IPv4 address with this machine's.
func nameServer(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		for buf := make([]byte, 512); ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if n < 17 {
				continue
			}
			end := 12
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			end += 5
			answer := append([]byte{buf[0], buf[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, buf[12:end]...)
			if binary.BigEndian.Uint16(buf[end-4:]) == 1 { // A
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
			}
			if _, err := conn.WriteTo(answer, from); err != nil {
				return
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// resolving returns the client that everybody uses, except that the network's name server is ours, and so is the
// authority for certificates.
func resolving(t *testing.T, site *httptest.Server) *http.Client {
	t.Helper()
	client := NewHTTPClient()
	transport := client.Transport.(*http.Transport)
	d := newDialer()
	d.Resolver = nameServer(t)
	transport.DialContext, transport.Proxy = d.dial, nil
	transport.TLSClientConfig = site.Client().Transport.(*http.Transport).TLSClientConfig
	return client
}

// A host that a public document names is not contacted at a private address, whatever its name resolves to.
func TestConfine(t *testing.T) {
	asked := 0
	site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer site.Close()
	client := resolving(t, site)
	port := site.URL[strings.LastIndexByte(site.URL, ':'):]

	found := Provider{strangers: strangersIn("https://id.example.org", netip.MustParseAddr("8.8.8.8"), []string{
		"https://Token.example.net/t", "https://id.example.org/u", "https://named.example.net/r", "https://keys.example.net/k", "",
	})}
	named := Provider{Row: Row{Endpoints: account.Endpoints{Revocation: "https://named.example.net/r"}}}
	for _, tt := range []struct {
		name, host string
		p          Provider
		ok         bool
	}{
		{"a stranger", "token.example.net", found, false},
		{"a stranger in another case", "KEYS.example.net", found, false},
		{"the issuer", "id.example.org", found, true},
		{"a host the document does not name", "other.example.net", found, true},
		{"a host that only the document names", "named.example.net", found, false},
		{"a host that the person names too", "named.example.net", named.WithDiscovered(found), true},
		{"another host of that document", "token.example.net", named.WithDiscovered(found), false},
		{"nothing discovered", "token.example.net", named, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := asked
			req, err := http.NewRequestWithContext(tt.p.Confine(t.Context()), http.MethodGet, "http://"+tt.host+port, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(req)
			if err == nil {
				_ = res.Body.Close()
			}
			if (err == nil) != tt.ok || (asked > before) != tt.ok {
				t.Errorf("got %v, asked %t; want ok %t", err, asked > before, tt.ok)
			}
			if err != nil && !strings.Contains(SafeCause(err).Error(), "private address") {
				t.Errorf("got %q, want it to say why", SafeCause(err))
			}
		})
	}
}

// An issuer that is itself on a private network, under a public name, may name its neighbours.
func TestStrangers(t *testing.T) {
	urls := []string{"https://token.example.net/t", "https://id.example.org", "https://10.0.0.9/k", ""}
	for name, tt := range map[string]struct {
		remote netip.Addr
		want   strangers
	}{
		"public":      {netip.MustParseAddr("8.8.8.8"), strangers{"token.example.net": anywhere, "10.0.0.9": anywhere}},
		"on a LAN":    {netip.MustParseAddr("10.1.2.3"), strangers{"token.example.net": onNetwork, "10.0.0.9": onNetwork}},
		"here":        {netip.MustParseAddr("::1"), strangers{}},
		"via a proxy": {netip.Addr{}, strangers{"token.example.net": anywhere, "10.0.0.9": anywhere}},
	} {
		if got := strangersIn("https://id.example.org", tt.remote, urls); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
	for endpoint, want := range map[string]bool{"https://revoke.example.net/r": true, "https://id.example.org/r": false, "": false} {
		u, err := url.Parse(endpoint)
		if got := Confined(ConfineTo(t.Context(), endpoint, "https://id.example.org"), u.Hostname()); err != nil || got != want {
			t.Errorf("%q: got confined %t, want %t", endpoint, got, want)
		}
	}
	for at, ok := range map[string]bool{"8.8.8.8:443": true, "10.0.0.1:443": false, "127.0.0.1:443": false, "[::1]:443": false, "x": false} {
		if err := checkAddr(at, anywhere); (err == nil) != ok {
			t.Errorf("%s: got %v, want ok %t", at, err, ok)
		}
	}
	if checkAddr("10.0.0.1:443", onNetwork) != nil || checkAddr("127.0.0.1:443", onNetwork) == nil {
		t.Error("a neighbour's address is for neighbours, this machine's is not")
	}
}

// The place where the issuer answers decides, and not its name: here it resolves to this machine.
func TestDiscoverNotesWhereTheIssuerIs(t *testing.T) {
	var issuer string
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(documentOf(issuer, "jwks_uri", "https://keys.example.net/k"))
	}))
	defer site.Close()
	client := resolving(t, site)
	issuer = "https://example.com" + site.URL[strings.LastIndexByte(site.URL, ':'):] // the certificate's name
	p, err := Discover(t.Context(), client, issuer)
	if err != nil || len(p.strangers) != 0 {
		t.Errorf("got strangers %v, %v; want none: the issuer is on this machine", p.strangers, err)
	}

	elsewhere := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) { // as if by a proxy
		return client.Transport.RoundTrip(r.WithContext(context.Background()))
	})}
	p, err = Discover(t.Context(), elsewhere, issuer)
	if err != nil || p.strangers["keys.example.net"] != anywhere || len(p.strangers) != 2 {
		t.Errorf("got strangers %v, %v; want the two hosts beside the issuer's", p.strangers, err)
	}
}

type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
