package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// demanding is an MCP server made with the SDK. It takes no request without a token of its provider, and its tools want scopes.
type demanding struct {
	hello string // where tokens are checked
	next  http.Handler

	mu      sync.Mutex // guards the fields below
	wanted  func(tool string) (challenge, scope string)
	refused func(tool string) (challenge string) // with 401
}

func newDemanding(t *testing.T, provider *oauthtest.Running) (d *demanding, address string) {
	t.Helper()
	server := sdk.NewServer(&sdk.Implementation{Name: "notes"}, nil)
	for _, name := range []string{"read", "write"} {
		sdk.AddTool(server, &sdk.Tool{Name: name}, func(context.Context, *sdk.CallToolRequest, struct{}) (*sdk.CallToolResult, any, error) {
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "done"}}}, nil, nil
		})
	}
	d = &demanding{hello: provider.Issuer() + "/api/hello", next: sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, nil)}
	d.want(func(string) (string, string) { return "", "" })
	d.refuse(func(string) string { return "" })
	mux := http.NewServeMux()
	mux.Handle("/mcp", d)
	mux.HandleFunc("/.well-known/oauth-protected-resource/mcp", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"resource":"http://%s/mcp","authorization_servers":[%q]}`, r.Host, provider.Issuer())
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return d, s.URL + "/mcp"
}

func (d *demanding) want(wanted func(tool string) (challenge, scope string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = wanted
}

func (d *demanding) refuse(refused func(tool string) (challenge string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused = refused
}

// ServeHTTP implements [http.Handler].
func (d *demanding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, d.hello, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	req.Header.Set("Authorization", r.Header.Get("Authorization"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer resp.Body.Close()
	var token struct{ Scope string }
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&token) != nil {
		w.Header().Set("WWW-Authenticate", `Bearer scope="openid"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var message struct{ Params struct{ Name string } }
	_ = json.Unmarshal(body, &message)
	d.mu.Lock()
	challenge, scope := d.wanted(message.Params.Name)
	refusal := d.refused(message.Params.Name)
	d.mu.Unlock()
	if refusal != "" {
		w.Header().Set("WWW-Authenticate", refusal)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if scope != "" && !strings.Contains(" "+token.Scope+" ", " "+scope+" ") {
		w.Header().Set("WWW-Authenticate", challenge)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	d.next.ServeHTTP(w, r)
}

// agents have a bridge each to one server.
type agents []*sdk.ClientSession

// newAgents starts n agents at once. stderr is what their bridges say, once they have ended.
func (s *seat) newAgents(t *testing.T, n int, address string, stderr *lockedBuffer) agents {
	t.Helper()
	program, err := exec.LookPath("oauthd")
	if err != nil {
		t.Fatal(err)
	}
	all := make(agents, n)
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() {
			bridge := exec.CommandContext(t.Context(), program, "mcp", address)
			bridge.Dir, bridge.Env, bridge.Stderr = s.dir, s.env, stderr
			var err error
			all[i], err = sdk.NewClient(&sdk.Implementation{Name: "agent"}, nil).Connect(t.Context(), &sdk.CommandTransport{Command: bridge}, nil)
			if err != nil {
				t.Errorf("agent %d: %v", i, err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		t.Fatalf("the bridges say %s", stderr)
	}
	return all
}

// call has each agent call the tool at once, and returns their errors.
func (a agents) call(t *testing.T, tool string) []error {
	errs := make([]error, len(a))
	var wait sync.WaitGroup
	for i, session := range a {
		wait.Go(func() {
			_, errs[i] = session.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: map[string]any{}})
		})
	}
	wait.Wait()
	return errs
}

// askFor has all agents use a tool, and the person agree to the one question that comes of it, which has that text.
func (a agents) askFor(t *testing.T, b *board, tool, text string) {
	t.Helper()
	answered := make(chan []error)
	go func() { answered <- a.call(t, tool) }()
	n := b.next(t)
	if !strings.Contains(n.body, text) {
		t.Errorf("got the question %+v, want %q in it", n, text)
	}
	b.click(t, n)
	for i, err := range <-answered {
		if err != nil {
			t.Errorf("agent %d: %v", i, err)
		}
	}
}

func (a agents) end(t *testing.T) {
	t.Helper()
	for i, session := range a {
		if err := session.Close(); err != nil {
			t.Errorf("agent %d: %v", i, err)
		}
	}
}

// Twenty agents start at once with a server that nobody has logged in to: that is one login, of an account named after the
// server's host. Later all need another scope: that is one question on the desktop, and each call goes on.
func TestAgentsOfANewServer(t *testing.T) {
	s := newSeat(t, oauthtest.Config{Registration: true})
	bus := storetest.StartBus(t)
	b := newBoard(t, bus, "DISPLAY=:7", "BROWSER=agent allow %s")
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+bus, "BROWSER=agent allow %s")
	d, address := newDemanding(t, s.provider)
	var stderr lockedBuffer
	all := s.newAgents(t, 20, address, &stderr)
	if got := s.provider.Requests(oauthtest.Authorize); got != 1 {
		t.Errorf("got %d logins, want one", got)
	}
	if file := s.accountFile("127.0.0.1"); !strings.Contains(file, "resource = '"+address+"'") || !strings.Contains(file, "scopes = ['openid']") {
		t.Errorf("got the account %q, want one for the server", file)
	}

	d.want(func(tool string) (string, string) {
		if tool != "write" {
			return "", ""
		}
		return `Bearer error="insufficient_scope", scope="calendar.write"`, "calendar.write"
	})
	all.askFor(t, b, "write", "calendar.write")
	for i, err := range all.call(t, "read") {
		if err != nil {
			t.Errorf("agent %d, another tool: %v", i, err)
		}
	}
	if got := s.provider.Requests(oauthtest.Authorize); got != 2 {
		t.Errorf("got %d logins, want two", got)
	}
	if file := s.accountFile("127.0.0.1"); !strings.Contains(file, "'openid', 'calendar.write'") {
		t.Errorf("got the account %q, want it to have both scopes", file)
	}
	b.done(t)
	all.end(t)
	if text := stderr.String(); strings.Count(text, "Your browser opens") != 1 || strings.Contains(text, "oauthd: ") {
		t.Errorf("got %s, want one login and no error", text)
	}
}

// A server that asks for more and more scopes brings a person one question, whose refusal counts for all that it thinks of.
func TestServerThatAsksForMoreAndMore(t *testing.T) {
	s := newSeat(t, oauthtest.Config{Registration: true})
	bus := storetest.StartBus(t)
	b := newBoard(t, bus, "DISPLAY=:7", "BROWSER=agent allow %s")
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+bus, "BROWSER=agent allow %s")
	d, address := newDemanding(t, s.provider)
	var stderr lockedBuffer
	all := s.newAgents(t, 3, address, &stderr)
	asked := 0
	d.want(func(tool string) (string, string) {
		if tool != "write" {
			return "", ""
		}
		asked++
		scope := fmt.Sprintf("more.%d", asked)
		return `Bearer error="insufficient_scope", scope="` + scope + `"`, scope
	})
	answered := make(chan []error)
	go func() { answered <- all.call(t, "write") }()
	n := b.next(t)
	if err := b.conn.Emit(boardPath, "org.freedesktop.Notifications.NotificationClosed", n.id, uint32(2)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for i, err := range <-answered {
			if err == nil || !strings.Contains(err.Error(), "was granted: more.") {
				t.Errorf("agent %d: got %v, want what the server wants", i, err)
			}
		}
		go func() { answered <- all.call(t, "write") }()
	}
	<-answered
	if left := len(b.shown); left != 0 {
		t.Errorf("got %d questions more, want none", left)
	}
	for i, err := range all.call(t, "read") {
		if err != nil {
			t.Errorf("agent %d, another tool: %v", i, err)
		}
	}
	all.end(t)
	if got := s.provider.Requests(oauthtest.Authorize); got != 1 {
		t.Errorf("got %d logins, want one", got)
	}
	if text := stderr.String(); !strings.Contains(text, "hint: oauthd login 127.0.0.1 --scope more.") {
		t.Errorf("got %s, want the login that helps", text)
	}
}

// A server that wants a stronger login (RFC 9470) gets one that was asked for with what it names, and the calls go on.
func TestServerThatWantsAStrongerLogin(t *testing.T) {
	s := newSeat(t, oauthtest.Config{Registration: true})
	bus := storetest.StartBus(t)
	requests := filepath.Join(s.dir, "request.txt")
	b := newBoard(t, bus, "DISPLAY=:7", "BROWSER=agent trace %s "+requests)
	s.env = append(s.env, "DBUS_SESSION_BUS_ADDRESS="+bus, "BROWSER=agent allow %s")
	d, address := newDemanding(t, s.provider)
	var stderr lockedBuffer
	all := s.newAgents(t, 5, address, &stderr)
	d.refuse(func(tool string) string {
		if tool == "write" && s.provider.Requests(oauthtest.Authorize) < 2 {
			return `Bearer error="insufficient_user_authentication", acr_values="phr", max_age="5"`
		}
		return ""
	})
	all.askFor(t, b, "write", "a new or a stronger login")
	b.done(t)
	all.end(t)
	request, err := os.ReadFile(requests)
	if err != nil || !strings.Contains(string(request), "acr_values=phr") || !strings.Contains(string(request), "max_age=5") {
		t.Errorf("got the authorization request %s, %v, want both parameters", request, err)
	}
	if file := s.accountFile("127.0.0.1"); strings.Contains(file, "acr_values") || strings.Contains(file, "max_age") {
		t.Errorf("got the account %q, want them not saved", file)
	}
	if text := stderr.String(); strings.Contains(text, "oauthd: ") {
		t.Errorf("got %s, want no error", text)
	}
}

// A server that asks for a token, says nothing else, and registers no client gets no login, and nothing is stored.
func TestServerThatSaysNothing(t *testing.T) {
	s := newSeat(t, oauthtest.Config{})
	s.env = append(s.env, "BROWSER=agent allow %s")
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mcp" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(silent.Close)
	exit, stdout, stderr := s.run(t, "", "oauthd", "mcp", silent.URL+"/mcp")
	if exit != 2 || stdout != "" || !strings.Contains(stderr, "does not say where its tokens come from") || !strings.Contains(stderr, "hint: oauthd login NAME") ||
		strings.Contains(stderr, "browser") {
		t.Errorf("got exit %d, %q, %s, want what is missing", exit, stdout, stderr)
	}
	if s.accountFile("127.0.0.1") != "" {
		t.Error("an account was made")
	}
}

// Names of accounts are made of hosts, whatever those look like.
func TestNameForServer(t *testing.T) {
	taken := []api.Account{{Name: "mcp.example.com"}, {Name: "mcp.example.com-2"}}
	for address, want := range map[string]string{
		"https://notes.example.com/mcp":                    "notes.example.com",
		"https://MCP.example.com:8443/":                    "mcp.example.com-3",
		"http://[::1]:80/mcp":                              "1",
		"https://con/":                                     "mcp-con",
		"https://" + strings.Repeat("a", 80) + ".example/": strings.Repeat("a", 50),
		"%": "mcp",
	} {
		if got := nameForServer(address, taken); got != want || api.CheckAccountName(got) != nil {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
