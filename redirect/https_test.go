package redirect

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// trusting is a client that trusts s' certificate and nothing else, as a person who compared the fingerprint does.
func trusting(t *testing.T, s *Server) *http.Transport {
	t.Helper()
	certificate, err := x509.ParseCertificate(s.tls.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestHTTPS(t *testing.T) {
	for _, tt := range []struct {
		host string
		mode string
	}{{"127.0.0.1", ""}, {"[::1]", ""}, {"localhost", ""}, {"localhost", "form_post"}} {
		t.Run(tt.host+" "+tt.mode, func(t *testing.T) {
			needIPv6(t)
			s := start(t, Config{Host: tt.host, HTTPS: true, ResponseMode: tt.mode})
			if want := "https://" + s.authority + "/callback"; s.RedirectURI() != want {
				t.Errorf("RedirectURI: got %q, want %q", s.RedirectURI(), want)
			}
			ips := []string{strings.Trim(tt.host, "[]")}
			if tt.host == "localhost" {
				ips = []string{"127.0.0.1", "::1"}
			}
			transport := trusting(t, s)
			for _, ip := range ips {
				to := net.JoinHostPort(ip, fmt.Sprint(portOf(t, s)))
				transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, network, to)
				}
				r := request(t, http.MethodGet, good(s))
				if tt.mode != "" {
					r = form(t, s.RedirectURI(), goodForm())
				}
				resp, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatalf("%s: %v", to, err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusSeeOther || resp.ProtoMajor != 1 {
					t.Errorf("%s: got %d over %s, want 303 over HTTP/1.1", to, resp.StatusCode, resp.Proto)
				}
			}
			wantCode(t, s)

			pageReady := make(chan string, 1)
			go func() {
				resp, err := transport.RoundTrip(request(t, http.MethodGet, "https://"+s.authority+s.resultPath))
				if err != nil {
					pageReady <- "no answer: " + err.Error()
					return
				}
				defer resp.Body.Close()
				page, _ := io.ReadAll(resp.Body)
				pageReady <- string(page)
			}()
			finish(s, Page{Success: true})
			if page := <-pageReady; !strings.Contains(page, "You are logged in") {
				t.Errorf("got a page of %d bytes, want the success page", len(page))
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	s, other := start(t, Config{HTTPS: true}), start(t, Config{HTTPS: true})
	der := s.tls.Certificates[0].Certificate[0]
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if c.IsCA || c.KeyUsage != x509.KeyUsageDigitalSignature ||
		!slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("got CA %t, usage %v and %v; want a server's certificate only", c.IsCA, c.KeyUsage, c.ExtKeyUsage)
	}
	if key, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve.Params().Name != "P-256" {
		t.Errorf("got a key of type %T, want ECDSA P-256", c.PublicKey)
	}
	names := append(slices.Clone(c.DNSNames), fmt.Sprint(c.IPAddresses))
	if want := []string{"localhost", "[127.0.0.1 ::1]"}; !slices.Equal(names, want) {
		t.Errorf("names: got %q, want %q", names, want)
	}
	if life := c.NotAfter.Sub(c.NotBefore); life != 24*time.Hour {
		t.Errorf("got a life of %v, want one day", life)
	}
	if now := time.Now(); now.Before(c.NotBefore) || now.Add(12*time.Hour).After(c.NotAfter) {
		t.Errorf("valid from %v to %v, want now and some hours more", c.NotBefore, c.NotAfter)
	}

	// As openssl x509 -fingerprint -sha256 writes it.
	sum := sha256.Sum256(der)
	var pairs []string
	for _, b := range sum {
		pairs = append(pairs, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	if got, want := s.CertificateFingerprint(), strings.Join(pairs, ":"); got != want {
		t.Errorf("fingerprint: got %q, want %q", got, want)
	}
	if s.CertificateFingerprint() == other.CertificateFingerprint() {
		t.Error("two logins have the same certificate")
	}
	if got := start(t, Config{}).CertificateFingerprint(); got != "" {
		t.Errorf("http: got the fingerprint %q, want none", got)
	}
}

func TestGivenCertificate(t *testing.T) {
	given, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := start(t, Config{HTTPS: true, Certificate: given})
		resp, err := trusting(t, s).RoundTrip(request(t, http.MethodGet, good(s)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if !slices.Equal(resp.TLS.PeerCertificates[0].Raw, given.Certificate[0]) {
			t.Error("the server shows another certificate than the given one")
		}
		wantCode(t, s)
	}
}

func TestHTTPSMeetsOthers(t *testing.T) {
	tests := []struct {
		name string
		talk func(*testing.T, *Server)
	}{
		{"plain http", func(t *testing.T, s *Server) {
			resp, body := get(t, strings.Replace(good(s), "https:", "http:", 1))
			if resp.StatusCode != http.StatusBadRequest || strings.Contains(body, testCode) {
				t.Errorf("got %d and %d bytes, want 400 and nothing of the request", resp.StatusCode, len(body))
			}
		}},
		{"browser that does not trust it", func(t *testing.T, s *Server) {
			if _, err := (&http.Transport{}).RoundTrip(request(t, http.MethodGet, good(s))); err == nil {
				t.Error("the certificate was trusted")
			}
		}},
		{"old TLS", func(t *testing.T, s *Server) {
			c, err := tls.Dial("tcp", s.authority, &tls.Config{
				InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
			})
			if err == nil {
				_ = c.Close()
				t.Error("TLS 1.1 was spoken")
			}
		}},
		{"half a handshake", func(t *testing.T, s *Server) {
			c, err := net.Dial("tcp", s.authority)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			_, _ = c.Write([]byte{22, 3, 1, 2})
		}},
		{"noise", func(t *testing.T, s *Server) {
			c, err := net.Dial("tcp", s.authority)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, strings.Repeat("\x00noise", 10))
			_, _ = bufio.NewReader(c).ReadByte()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{HTTPS: true})
			tt.talk(t, s)
			select {
			case <-s.answered:
				t.Fatalf("the login has ended: %v", s.err)
			default:
			}
			resp, err := trusting(t, s).RoundTrip(request(t, http.MethodGet, good(s)))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			wantCode(t, s)
			begin := time.Now()
			_ = s.Close()
			if took := time.Since(begin); took > headerTimeout/2 {
				t.Errorf("Close took %v", took)
			}
		})
	}
}

func TestDefaultPortsMayBeLeftOutOfHost(t *testing.T) {
	for _, tt := range []struct {
		port  int
		https bool
		host  string
		want  bool
	}{
		{80, false, "localhost", true},
		{80, false, "localhost:80", true},
		{80, false, "localhost:443", false},
		{443, true, "localhost", true},
		{443, true, "localhost:443", true},
		{443, false, "localhost", false},
		{80, true, "localhost", false},
		{8080, false, "localhost", false},
		{80, false, "evil.example.com", false},
		{80, false, "", false},
	} {
		s, err := new(Servers).newServer(Config{Host: "localhost", HTTPS: tt.https}, tt.port)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.isHost(tt.host); got != tt.want {
			t.Errorf("Host %q at port %d, https %t: got %t, want %t", tt.host, tt.port, tt.https, got, tt.want)
		}
	}
}
