package redirect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	testState  = "c3RhdGUtb2YtdGhpcy1sb2dpbi0yNTYtYml0cy1sb25n"
	testIssuer = "https://as.example.com"
	testCode   = "SplxlOBeZQQYbYS6WxSbIA"
	marker     = "zqmarkerqz" // stands for whatever a query brings, and must never come back
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.State == "" {
		cfg.State = testState
	}
	if cfg.PeerUID == 0 {
		cfg.PeerUID = os.Getuid()
	}
	s, err := new(Servers).Listen(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Listen: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// finish ends a login whose daemon ends with it: it returns once the browser has its page.
func finish(s *Server, p Page) {
	s.Finish(p)
	s.all.Close()
}

// get asks once and follows nothing.
func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	return do(t, request(t, http.MethodGet, url))
}

func request(t *testing.T, method, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	return resp, string(body)
}

func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

func good(s *Server) string { return s.RedirectURI() + query("state", testState, "code", testCode) }

// stillWaits fails unless the login waits, and then completes it, which shows that nothing was used up.
func stillWaits(t *testing.T, s *Server) {
	t.Helper()
	select {
	case <-s.answered:
		t.Fatalf("the login has ended: %v", s.err)
	default:
	}
	if resp, _ := get(t, good(s)); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("valid response afterwards: got %d, want 303", resp.StatusCode)
	}
	wantCode(t, s)
}

func wantCode(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := s.Wait(ctx)
	if err != nil || got.Code() != testCode {
		t.Fatalf("Wait: got the code %t and error %v, want the code and no error", got.Code() == testCode, err)
	}
}

func TestLogin(t *testing.T) {
	s := start(t, Config{Issuer: testIssuer, RequireIssuer: true})
	if !strings.HasPrefix(s.RedirectURI(), "http://127.0.0.1:") || !strings.HasSuffix(s.RedirectURI(), "/callback") {
		t.Errorf("RedirectURI: got %q, want http://127.0.0.1:PORT/callback", s.RedirectURI())
	}
	resp, body := get(t, s.RedirectURI()+query("state", testState, "code", testCode, "iss", testIssuer))
	location := resp.Header.Get("Location")
	nonce, isResult := strings.CutPrefix(location, "/result/")
	if resp.StatusCode != http.StatusSeeOther || !isResult || len(nonce) < 26 {
		t.Fatalf("got %d to %q, want 303 to /result/ and 128 bits", resp.StatusCode, location)
	}
	if body != "" || strings.Contains(location, testCode) {
		t.Error("the answer to the response says more than where to go")
	}
	wantCode(t, s)

	pageReady := make(chan string, 1)
	go func() {
		resp, err := http.Get("http://" + s.authority + location)
		if err != nil {
			pageReady <- "no answer: " + err.Error()
			return
		}
		defer resp.Body.Close()
		page, _ := io.ReadAll(resp.Body)
		pageReady <- string(page)
	}()
	begin := time.Now()
	finish(s, Page{Success: true, Account: "work", Person: "ada@example.com"})
	if took := time.Since(begin); took > finishGrace/2 {
		t.Errorf("Finish took %v with a browser waiting", took)
	}
	page := <-pageReady
	for _, want := range []string{"You are logged in", "work", "ada@<wbr>example.<wbr>com", "close this tab"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, testCode) || strings.Contains(page, testState) {
		t.Error("the page shows the code or the state")
	}
	if c, err := net.Dial("tcp", s.authority); err == nil {
		c.Close()
		t.Error("the port is still open after Finish")
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	s := start(t, Config{Host: "localhost"})
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", portOf(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	waited := make(chan error, 1)
	go func() {
		_, err := s.Wait(context.Background())
		waited <- err
	}()
	_ = s.Close()
	_ = s.Close()
	if err := <-waited; !errors.Is(err, ErrClosed) {
		t.Errorf("Wait: got %v, want ErrClosed", err)
	}
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s.Finish(Page{}) // after Close it has nothing to do
}

// broken is a listener that cannot accept.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, os.ErrPermission }
func (broken) Addr() net.Addr            { return &net.TCPAddr{} }
func (broken) Close() error              { return nil }

func TestServerThatCannotServeEndsTheLogin(t *testing.T) {
	s := virtual(t)
	s.accept(broken{})
	_, err := s.Wait(t.Context())
	if want := "redirect: serve: permission denied"; !errors.Is(err, os.ErrPermission) || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	_ = s.Close()
}

func TestServerThatIsClosedHasNoOtherError(t *testing.T) {
	s := start(t, Config{})
	_ = s.Close()
	select {
	case <-s.answered:
		t.Errorf("got %v as a response", s.err)
	default:
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	s := start(t, Config{})
	if _, err := s.Wait(canceled()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	stillWaits(t, s)
	if got, err := s.Wait(canceled()); err != nil || got.Code() != testCode {
		t.Errorf("a response that is there must win over a done context, got %v", err)
	}
}

func TestFinishWithoutResponseReturnsAtOnce(t *testing.T) {
	s := start(t, Config{})
	begin := time.Now()
	finish(s, Page{})
	if took := time.Since(begin); took > finishGrace/2 {
		t.Errorf("took %v", took)
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
