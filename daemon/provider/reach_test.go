package provider

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestReach(t *testing.T) {
	for want, hosts := range map[reach][]string{
		onMachine: {"127.0.0.1", "127.9.8.7", "::1", "0.0.0.0", "::", "localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain",
			"::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:0.0.0.0",
			"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "1", "0x7f.1"},
		onNetwork: {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00::1", "fc00::1", "fec0::1",
			"100.64.0.1", "100.127.255.255", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "0.1.2.3", "198.18.0.1", "192.0.2.1", "2001:db8::1",
			"::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:a00:1::", "64:ff9b::100.64.0.1", "2001::1", "100::1",
			"intranet", "3com", "printer.local", "PRINTER.LOCAL.", "metadata.google.internal", "sso.corp", "nas.lan", "nas.home.arpa", "home.arpa", "router.home"},
		anywhere: {"login.example.com", "8.8.8.8", "172.32.0.1", "172.15.0.1", "100.63.255.255", "100.128.0.1", "192.167.1.1", "11.0.0.1", "128.0.0.1",
			"2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::", "localhost.example.com", "local.example.com", "10.0.0.1.example.com",
			"x.arpa", "notlocal.com", "a1.example", "x.y2"},
	} {
		for _, host := range hosts {
			if got := reachOf(host); got != want {
				t.Errorf("%s: got %d, want %d", host, got, want)
			}
		}
	}
}

// endpointsOfADocument are all members of a discovery document that name something to contact.
var endpointsOfADocument = []string{"authorization_endpoint", "token_endpoint", "device_authorization_endpoint", "revocation_endpoint",
	"userinfo_endpoint", "pushed_authorization_request_endpoint", "registration_endpoint", "jwks_uri"}

func documentOf(issuer, member, value string) []byte {
	text := fmt.Sprintf(`{"issuer":%q`, issuer)
	for _, m := range endpointsOfADocument {
		at := "https://login.example.com/" + m
		if m == member {
			at = value
		}
		text += fmt.Sprintf(",%q:%q", m, at)
	}
	return []byte(text + "}")
}

// A document that is published for everyone must not lead us to addresses that mean something else on each machine.
func TestDocumentNamesNothingMorePrivateThanItsIssuer(t *testing.T) {
	const public, network, machine = "https://id.example.org", "https://sso.corp.internal", "http://127.0.0.1:8080"
	for _, tt := range []struct {
		name, issuer, at string
		ok               bool
	}{
		{"another public host", public, "https://api.example.net/x", true},
		{"the same host", public, "https://id.example.org:8443/x", true},
		{"the same host in another case", public, "https://ID.example.org/x", true},
		{"plain http", public, "http://id.example.org/x", false},
		{"plain http to loopback", public, "http://127.0.0.1:2375/containers/create", false},
		{"plain http to localhost", public, "http://localhost:9200/_all", false},
		{"https to loopback", public, "https://127.0.0.1/x", false},
		{"https to IPv6 loopback", public, "https://[::1]/x", false},
		{"mapped loopback", public, "https://[::ffff:127.0.0.1]/x", false},
		{"loopback in hexadecimal", public, "https://0x7f000001/x", false},
		{"loopback in full-width digits", public, "https://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/x", false},
		{"loopback with an ideographic full stop", public, "https://127%E3%80%820.0.1/x", false},
		{"a private network", public, "https://192.168.1.1/x", false},
		{"metadata", public, "https://169.254.169.254/latest/meta-data", false},
		{"a name of a private network", public, "https://metadata.google.internal/x", false},
		{"a name without a dot", public, "https://intranet/x", false},
		{"link-local with a zone", public, "https://[fe80::1%25eth0]/x", false},
		{"the same private host", "https://10.0.0.5", "https://10.0.0.5:8443/x", true},
		{"the network's issuer, its network", network, "https://10.0.0.6/x", true},
		{"the network's issuer, everyone", network, "https://api.example.net/x", true},
		{"the network's issuer, this machine", network, "https://127.0.0.1/x", false},
		{"the network's issuer, this machine by http", network, "http://localhost/x", false},
		{"this machine's issuer, this machine", machine, "http://localhost:9/x", true},
		{"this machine's issuer, a network", machine, "https://10.0.0.6/x", true},
		{"this machine's issuer, everyone", machine, "https://api.example.net/x", true},
		{"this machine's issuer, everyone by http", machine, "http://api.example.net/x", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, member := range endpointsOfADocument {
				p, err := parseDocument(tt.issuer, documentOf(tt.issuer, member, tt.at))
				if (err == nil) != tt.ok {
					t.Errorf("%s: got %v, want ok %t", member, err, tt.ok)
				}
				if err != nil && (p.Endpoints.Token != "" || !strings.Contains(err.Error(), member)) {
					t.Errorf("%s: got %+v, %q; want nothing but an error that names the member", member, p.Endpoints, err)
				}
			}
		})
	}
}

// Whoever trusts the place is told what it is and how to say so.
func TestWhereADocumentMustNotLead(t *testing.T) {
	for at, want := range map[string]string{
		"https://127.0.0.1/x": "is on this machine, and the issuer is not; if you trust it, name the endpoints yourself",
		"https://10.0.0.1/x":  "is on a private network, and the issuer is not; if you trust it, name the endpoints yourself",
	} {
		err := checkNamed(&url.URL{Scheme: "https", Host: "id.example.org"}, at)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", at, err, want)
		}
	}
}

func FuzzReach(f *testing.F) {
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:7f00:1]", "localhost", "0x7f.1", "%31", "[fe80::1%25a]", "a.local.", "１"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		raw := "https://" + host + "/x"
		issuer := &url.URL{Scheme: "https", Host: "id.example.org"}
		if checkNamed(issuer, raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q: accepted, and is no URL", raw)
		}
		switch h := strings.ToLower(u.Hostname()); {
		case strings.Trim(h, "0123456789.") == "" && !publicIPv4(h):
			t.Errorf("%q: accepted", raw)
		case strings.HasSuffix(h, "localhost") && (h == "localhost" || strings.HasSuffix(h, ".localhost")), strings.HasSuffix(h, ".local"):
			t.Errorf("%q: accepted", raw)
		}
	})
}

// publicIPv4 knows the addresses of this machine and of the commonest private networks only, in another way than reachOf.
func publicIPv4(host string) bool {
	var a, b, c, d int
	if n, err := fmt.Sscanf(host, "%d.%d.%d.%d", &a, &b, &c, &d); n != 4 || err != nil {
		return false
	}
	return a != 0 && a != 10 && a != 127 && (a != 192 || b != 168) && (a != 172 || b < 16 || b > 31) && a < 224
}
