package redirect

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fill writes the parts of s' redirect URI and of its response into a text.
func fill(s *Server, text string) string {
	_, port, _ := strings.Cut(s.authority, ":")
	return strings.NewReplacer("URI", s.RedirectURI(), "PORT", port, "STATE", testState, "CODE", testCode).Replace(text)
}

func TestPastedResponses(t *testing.T) {
	for name, text := range map[string]string{
		"whole address":               "URI?code=CODE&state=STATE",
		"blanks around":               " \t URI?code=CODE&state=STATE \r\n",
		"double quotes":               `"URI?code=CODE&state=STATE"`,
		"single quotes":               "'URI?code=CODE&state=STATE'\n",
		"typographic quotes":          "“URI?code=CODE&state=STATE”",
		"angle brackets":              "<URI?code=CODE&state=STATE>",
		"brackets and quotes":         "< 'URI?code=CODE&state=STATE' >",
		"wrapped by a terminal":       "URI?code=Splxl\n  OBeZQQYbYS6WxSbIA&sta\r\nte=STATE",
		"wrapped at the ampersand":    "URI?code=CODE&\nstate=STATE",
		"invisible characters":        "\ufeffURI?code=CODE\u200b&state=STATE\u00a0",
		"https for http":              "https://127.0.0.1:PORT/callback?code=CODE&state=STATE",
		"scheme in capitals":          "HTTP://127.0.0.1:PORT/callback?code=CODE&state=STATE",
		"localhost":                   "http://localhost:PORT/callback?code=CODE&state=STATE",
		"localhost in capitals":       "http://LocalHost.:PORT/callback?code=CODE&state=STATE",
		"IPv6":                        "http://[::1]:PORT/callback?code=CODE&state=STATE",
		"without port":                "http://127.0.0.1/callback?code=CODE&state=STATE",
		"without scheme":              "127.0.0.1:PORT/callback?code=CODE&state=STATE",
		"path and query":              "/callback?code=CODE&state=STATE",
		"query":                       "code=CODE&state=STATE",
		"query with question mark":    "?code=CODE&state=STATE",
		"query in the other order":    "state=STATE&code=CODE",
		"query with a raw address":    "iss=https://as.example.com&state=STATE&code=CODE&to=https://example.com/?a",
		"with other parameters":       "URI?code=CODE&state=STATE&scope=openid+email&authuser=0&prompt=consent",
		"with the client's id":        "URI?code=CODE&state=STATE&client_id=c&response_type=code&request_uri=urn:x",
		"control characters":          "URI?code=CODE\x00\x1b&state=STATE",
		"fragment":                    "URI?code=CODE&state=STATE#_=_",
		"with iss":                    "URI?code=CODE&state=STATE&iss=https%3A%2F%2Fas.example.com",
		"escaped":                     "URI?code=%53plxlOBeZQQYbYS6WxSbIA&state=STATE",
		"code and state":              "CODE STATE",
		"code and state, two lines":   "CODE\n  STATE\n",
		"code and state, in quotes":   `"CODE STATE"`,
		"code and state, escaped":     "%53plxlOBeZQQYbYS6WxSbIA STATE",
		"parameters with blanks":      "code=CODE state=STATE",
		"parameters on lines":         "state=STATE\ncode=CODE",
		"all parameters on lines":     "iss=https://as.example.com\nstate=STATE\ncode=CODE",
		"of the greatest length":      "code=CODE&state=STATE" + strings.Repeat(" ", maxQuery-len("code=&state=")-len(testCode)-len(testState)),
		"parameters of a copied list": "?code=CODE &state=STATE",
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Issuer: testIssuer})
			if err := s.Deliver(fill(s, text)); err != nil {
				t.Fatalf("got %v, want no error", err)
			}
			wantCode(t, s)
		})
	}
}

func TestPastedCodeKeepsItsPlusSign(t *testing.T) {
	s := start(t, Config{})
	if err := s.Deliver("4/0a+b%2Bc " + testState); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Wait(t.Context()); err != nil || got.Code() != "4/0a+b+c" {
		t.Errorf("got the code %t and %v, want it with both plus signs", got.Code() == "4/0a+b+c", err)
	}
}

func TestPastedCodeThatIsNotEscaped(t *testing.T) {
	s := start(t, Config{})
	if err := s.Deliver("100%strange " + testState); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Wait(t.Context()); err != nil || got.Code() != "100%strange" {
		t.Errorf("got the code %t and %v, want it as it is", got.Code() == "100%strange", err)
	}
}

func TestPastedAddressOfTheRootPath(t *testing.T) {
	for _, text := range []string{"http://localhost:PORT/?", "http://localhost:PORT?", "localhost:PORT?", "/?", "?", ""} {
		s := start(t, Config{Path: "/"})
		if err := s.Deliver(fill(s, text+"code=CODE&state=STATE")); err != nil {
			t.Errorf("%s: got %v, want no error", text, err)
			continue
		}
		wantCode(t, s)
	}
}

func TestPastedResponsesThatEndTheLogin(t *testing.T) {
	denied := func(err error) bool {
		refused, ok := errors.AsType[*AuthorizationError](err)
		return ok && refused.Code == "access_denied" && refused.Description == "the person said no"
	}
	tests := []struct {
		name, text string
		want       func(error) bool
	}{
		{"denied, by address", "URI?error=access_denied&error_description=the+person+said+no&state=STATE", denied},
		{"denied, by query", "error=access_denied&state=STATE&error_description=the%20person%20said%20no", denied},
		{"denied, by lines", "state=STATE\nerror=access_denied&error_description=the+person+said+no", denied},
		{"denied, with the client's id", "URI?error=access_denied&error_description=the+person+said+no&state=STATE&client_id=c", denied},
		{"another issuer", "URI?code=CODE&state=STATE&iss=https%3A%2F%2Fevil.example.com", func(err error) bool {
			return errors.Is(err, ErrIssuerMismatch)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{Issuer: testIssuer})
			if err := s.Deliver(fill(s, tt.text)); err != nil {
				t.Errorf("Deliver: got %v, want no error", err)
			}
			get(t, good(s)) // comes too late
			if got, err := s.Wait(t.Context()); !tt.want(err) || got.Code() != "" {
				t.Errorf("Wait: got the error %v", err)
			}
		})
	}
}

func TestFirstResponseWins(t *testing.T) {
	const other = "code=another&state=STATE"
	t.Run("pasted, then browser", func(t *testing.T) {
		s := start(t, Config{})
		if err := s.Deliver("code=" + testCode + "&state=" + testState); err != nil {
			t.Fatal(err)
		}
		if resp, _ := get(t, fill(s, "URI?"+other)); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("got %d, want 303 to the page", resp.StatusCode)
		}
		wantCode(t, s)
	})
	t.Run("browser, then pasted", func(t *testing.T) {
		s := start(t, Config{})
		get(t, good(s))
		if err := s.Deliver(fill(s, other)); !errors.Is(err, ErrAnswered) {
			t.Errorf("got %v, want ErrAnswered", err)
		}
		if err := s.Deliver("code=x&state=y"); !errors.Is(err, ErrWrongState) {
			t.Errorf("got %v, want ErrWrongState", err)
		}
		wantCode(t, s)
	})
	t.Run("all at once", func(t *testing.T) {
		s := start(t, Config{})
		var group sync.WaitGroup
		won := make(chan string, 8)
		for i := range cap(won) {
			group.Go(func() {
				code := fmt.Sprintf("code%d", i)
				if s.Deliver(code+" "+testState) == nil {
					won <- code
				}
			})
		}
		group.Wait()
		got, err := s.Wait(t.Context())
		if len(won) != 1 || err != nil || got.Code() != <-won {
			t.Errorf("%d texts won, error %v; want one, and its code", len(won), err)
		}
	})
	t.Run("after Close", func(t *testing.T) {
		s := start(t, Config{})
		_ = s.Close()
		if err := s.Deliver(testCode + " " + testState); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		if _, err := s.Wait(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Wait: got %v, want ErrClosed", err)
		}
	})
}

func TestFinishWaitsForNoBrowserAfterAPaste(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		if err := s.Deliver(testCode + " " + testState); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		finish(s, Page{Success: true})
		if took := time.Since(begin); took != 0 {
			t.Errorf("Finish took %v, want none", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		ask(s, "/callback"+query("state", testState, "code", testCode))
		_ = s.Deliver(testCode + " " + testState) // too late to matter
		begin := time.Now()
		finish(s, Page{Success: true})
		if took := time.Since(begin); took != finishGrace {
			t.Errorf("with a browser: Finish took %v, want %v", took, finishGrace)
		}
	})
}

func FuzzDeliver(f *testing.F) {
	for _, seed := range []string{
		"", "CODE STATE", "URI?code=CODE&state=STATE", "<\"URI?code=CODE&\r\n state=STATE#_\">", "code=CODE state=STATE",
		"?error=access_denied&state=STATE", "https://as.example.com/a?client_id=c&state=STATE", "localhost/callback?a=b",
		"URI?code=CODE&state=STATE&iss=https%3A%2F%2Fas.example.com", "http://[::1/callback?", "a=b?c://d#e", "%zz STATE",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &Server{
			cfg:       Config{Path: "/callback", State: testState, Issuer: testIssuer},
			authority: "127.0.0.1:1234", answered: make(chan struct{}), shown: make(chan struct{}), closed: make(chan struct{}),
		}
		text = fill(s, text)
		err := s.Deliver(text)
		select {
		case <-s.answered:
		default:
			if _, ok := errors.AsType[Mistake](err); !ok {
				t.Fatalf("the login waits, but the error is %v", err)
			}
			return
		}
		if err != nil {
			t.Fatalf("the login has ended with %v, but Deliver returned %v", s.err, err)
		}
		// Whatever has an effect has the state, by an independent look.
		plain := strings.Join(strings.FieldsFunc(text, isBlank), "")
		if unescaped, err := url.QueryUnescape(plain); err == nil {
			plain += unescaped
		}
		if !strings.Contains(plain, testState) && !strings.Contains(plain, "%") {
			t.Fatal("a text without the state had an effect")
		}
		if code := s.response.Code(); (code == "") == (s.err == nil) || len(code) > maxCode {
			t.Fatalf("got a code of %d bytes with error %v", len(code), s.err)
		}
	})
}
