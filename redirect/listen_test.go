package redirect

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

func portOf(t *testing.T, s *Server) int {
	t.Helper()
	i := strings.LastIndex(s.authority, ":")
	port, err := strconv.Atoi(s.authority[i+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// taken returns a port of 127.0.0.1 that somebody else has.
func taken(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// free returns a port that was free a moment ago.
func free(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no ::1")
	}
	_ = l.Close()
}

func TestHosts(t *testing.T) {
	needIPv6(t)
	tests := []struct {
		host    string
		want    string
		reached []string // addresses that answer; the others must not
	}{
		{"", "http://127.0.0.1:%d/callback", []string{"127.0.0.1"}},
		{"127.0.0.1", "http://127.0.0.1:%d/callback", []string{"127.0.0.1"}},
		{"[::1]", "http://[::1]:%d/callback", []string{"::1"}},
		{"localhost", "http://localhost:%d/callback", []string{"127.0.0.1", "::1"}},
	}
	for _, tt := range tests {
		t.Run("host "+tt.host, func(t *testing.T) {
			s := start(t, Config{Host: tt.host})
			port := portOf(t, s)
			if want := fmt.Sprintf(tt.want, port); s.RedirectURI() != want {
				t.Errorf("RedirectURI: got %q, want %q", s.RedirectURI(), want)
			}
			for _, ip := range []string{"127.0.0.1", "::1"} {
				address := netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port)).String()
				want := false
				for _, r := range tt.reached {
					want = want || r == ip
				}
				c, err := net.Dial("tcp", address)
				if (err == nil) != want {
					t.Fatalf("%s: reached %t, want %t", address, err == nil, want)
				}
				if err != nil {
					continue
				}
				_ = c.Close()
				r := request(t, http.MethodGet, "http://"+address+"/callback"+query("state", testState, "code", testCode))
				r.Host = s.authority
				if resp, _ := do(t, r); resp.StatusCode != http.StatusSeeOther {
					t.Errorf("%s: got %d, want 303", address, resp.StatusCode)
				}
			}
			wantCode(t, s)
		})
	}
}

func TestPorts(t *testing.T) {
	t.Run("taken", func(t *testing.T) {
		port := taken(t)
		_, err := new(Servers).Listen(t.Context(), Config{State: testState, Ports: []int{port}})
		if !errors.Is(err, ErrPortUnavailable) || !strings.Contains(err.Error(), strconv.Itoa(port)) {
			t.Errorf("got %v, want ErrPortUnavailable naming %d", err, port)
		}
	})
	t.Run("list", func(t *testing.T) {
		second := free(t)
		s := start(t, Config{Ports: []int{taken(t), second, free(t)}})
		if got := portOf(t, s); got != second {
			t.Errorf("got port %d, want the first free one, %d", got, second)
		}
	})
	t.Run("fixed port taken in one family", func(t *testing.T) {
		_, err := new(Servers).Listen(t.Context(), Config{State: testState, Host: "localhost", Ports: []int{taken(t)}})
		if !errors.Is(err, ErrPortUnavailable) {
			t.Errorf("got %v, want ErrPortUnavailable", err)
		}
	})
	t.Run("free again after a mistake", func(t *testing.T) {
		port := free(t)
		if _, err := new(Servers).Listen(t.Context(), Config{
			State: testState, Ports: []int{port}, HTTPS: true, Certificate: &tls.Certificate{},
		}); err == nil {
			t.Fatal("got no error for an empty certificate")
		}
		start(t, Config{Ports: []int{port}})
	})
	t.Run("free again after Close", func(t *testing.T) {
		s := start(t, Config{})
		port := portOf(t, s)
		_ = s.Close()
		start(t, Config{Ports: []int{port}})
	})
}

func TestShortestState(t *testing.T) {
	state := testState[:43] // 256 bits in base64url
	s := start(t, Config{State: state})
	get(t, s.RedirectURI()+query("state", state, "code", testCode))
	wantCode(t, s)
}

func TestConfigMistakes(t *testing.T) {
	given, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no state":             {},
		"short state":          {State: testState[:42]},
		"host of the network":  {State: testState, Host: "0.0.0.0"},
		"host with port":       {State: testState, Host: "127.0.0.1:80"},
		"port 0":               {State: testState, Ports: []int{0}},
		"port too high":        {State: testState, Ports: []int{65536}},
		"relative path":        {State: testState, Path: "callback"},
		"no path":              {State: testState, Path: "*"},
		"path with query":      {State: testState, Path: "/callback?x"},
		"path with fragment":   {State: testState, Path: "/callback#x"},
		"path with a space":    {State: testState, Path: "/call back"},
		"issuer not named":     {State: testState, RequireIssuer: true},
		"unknown mode":         {State: testState, ResponseMode: "fragment"},
		"unused certificate":   {State: testState, Certificate: &tls.Certificate{}},
		"empty certificate":    {State: testState, Certificate: &tls.Certificate{}, HTTPS: true},
		"certificate, no key":  {State: testState, Certificate: &tls.Certificate{Certificate: given.Certificate}, HTTPS: true},
		"key, no certificate":  {State: testState, Certificate: &tls.Certificate{PrivateKey: given.PrivateKey}, HTTPS: true},
		"path with line break": {State: testState, Path: "/callback\r\nX: y"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := new(Servers).Listen(t.Context(), cfg)
			if err == nil {
				_ = s.Close()
				t.Error("got no error")
			} else if cfg.State != "" && strings.Contains(err.Error(), cfg.State) {
				t.Error("the error shows the state")
			}
		})
	}
}
