package mcp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// patience is how long something may take that takes no time.
const patience = 20 * time.Second

// world is a server that takes the current token alone, and a transport that has it.
type world struct {
	URL string

	mu      sync.Mutex // guards the fields below
	token   string
	refused int // requests without the current token
	deleted int
	started chan struct{} // gets an element for each slow call that has begun
	ended   chan struct{} // and one for each that was cancelled
}

// RoundTrip implements [http.RoundTripper].
func (w *world) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	token := w.token
	w.mu.Unlock()
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return http.DefaultTransport.RoundTrip(req)
}

// checked lets only requests with the current token through.
func (w *world) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		ok := r.Header.Get("Authorization") == "Bearer "+w.token
		if !ok {
			w.refused++
		}
		if r.Method == http.MethodDelete {
			w.deleted++
		}
		w.mu.Unlock()
		if !ok {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// newWorld starts an MCP server made with the SDK.
func newWorld(t *testing.T, options *sdk.StreamableHTTPOptions) *world {
	t.Helper()
	w := &world{token: "one", started: make(chan struct{}, 1), ended: make(chan struct{}, 1)}
	server := sdk.NewServer(&sdk.Implementation{Name: "notes"}, nil)
	type none struct{}
	sdk.AddTool(server, &sdk.Tool{Name: "count"}, func(ctx context.Context, req *sdk.CallToolRequest, _ none) (*sdk.CallToolResult, any, error) {
		for i := range 3 {
			note := &sdk.ProgressNotificationParams{ProgressToken: req.Params.GetProgressToken(), Progress: float64(i)}
			if err := req.Session.NotifyProgress(ctx, note); err != nil {
				return nil, nil, err
			}
		}
		return text("counted"), nil, nil
	})
	sdk.AddTool(server, &sdk.Tool{Name: "ask"}, func(ctx context.Context, req *sdk.CallToolRequest, _ none) (*sdk.CallToolResult, any, error) {
		answer, err := req.Session.Elicit(ctx, &sdk.ElicitParams{Message: "may I?", RequestedSchema: map[string]any{"type": "object"}})
		if err != nil {
			return nil, nil, err
		}
		return text("the person chose " + answer.Action), nil, nil
	})
	sdk.AddTool(server, &sdk.Tool{Name: "slow"}, func(ctx context.Context, _ *sdk.CallToolRequest, _ none) (*sdk.CallToolResult, any, error) {
		w.started <- struct{}{}
		<-ctx.Done()
		w.ended <- struct{}{}
		return nil, nil, ctx.Err()
	})
	sdk.AddTool(server, &sdk.Tool{Name: "grow"}, func(context.Context, *sdk.CallToolRequest, none) (*sdk.CallToolResult, any, error) {
		server.AddTool(&sdk.Tool{Name: "new", InputSchema: map[string]any{"type": "object"}}, nil)
		return text("grown"), nil, nil
	})
	web := httptest.NewServer(w.checked(sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, options)))
	t.Cleanup(web.Close)
	w.URL = web.URL
	return w
}

func text(s string) *sdk.CallToolResult {
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: s}}}
}

// bridge runs a bridge to w, and returns the client's ends of its streams, and a channel that gets what Serve returns.
func (w *world) bridge(t *testing.T) (answers io.ReadCloser, lines io.WriteCloser, served chan error) {
	t.Helper()
	in, lines := io.Pipe()
	answers, out := io.Pipe()
	served = make(chan error, 1)
	b := &Bridge{URL: w.URL, Account: "work", Transport: w, Report: func(err error) { t.Logf("reported: %v", err) }, pause: time.Millisecond}
	go func() {
		served <- b.Serve(t.Context(), in, out)
		_ = out.Close()
	}()
	return answers, lines, served
}

// heard is what the SDK's client is told.
type heard struct{ progress, changed chan struct{} }

// connect connects the SDK's client to a bridge.
func (w *world) connect(t *testing.T, version string) (*sdk.ClientSession, heard, chan error) {
	t.Helper()
	h := heard{make(chan struct{}, 3), make(chan struct{}, 3)}
	client := sdk.NewClient(&sdk.Implementation{Name: "agent"}, &sdk.ClientOptions{
		ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "decline"}, nil
		},
		ProgressNotificationHandler: func(context.Context, *sdk.ProgressNotificationClientRequest) { h.progress <- struct{}{} },
		ToolListChangedHandler:      func(context.Context, *sdk.ToolListChangedRequest) { h.changed <- struct{}{} },
	})
	answers, lines, served := w.bridge(t)
	session, err := client.Connect(t.Context(), &sdk.IOTransport{Reader: answers, Writer: lines}, &sdk.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	return session, h, served
}

func callTool(t *testing.T, session *sdk.ClientSession, tool string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	params := &sdk.CallToolParams{Name: tool, Arguments: map[string]any{}}
	params.SetProgressToken("p1")
	result, err := session.CallTool(ctx, params)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	content, ok := result.Content[0].(*sdk.TextContent)
	if !ok || result.IsError {
		t.Fatalf("%s: got %v", tool, result.Content)
	}
	return content.Text
}

func await[T any](t *testing.T, what string, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(patience):
		t.Fatalf("%s does not come", what)
	}
	return got
}

func TestSDK(t *testing.T) {
	for name, test := range map[string]struct {
		version string
		options *sdk.StreamableHTTPOptions
	}{
		"event streams":      {"2025-11-25", nil},
		"JSON":               {"2025-06-18", &sdk.StreamableHTTPOptions{JSONResponse: true}},
		"events that repeat": {"2025-11-25", &sdk.StreamableHTTPOptions{EventStore: sdk.NewMemoryEventStore(nil)}},
		"without a session":  {"2026-07-28", &sdk.StreamableHTTPOptions{Stateless: true, PropagateRequestCancellation: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, test.options)
			session, heard, served := w.connect(t, test.version)
			if got := session.InitializeResult().ProtocolVersion; got != test.version {
				t.Errorf("got revision %s, want %s", got, test.version)
			}
			tools, err := session.ListTools(t.Context(), nil)
			if err != nil || len(tools.Tools) != 4 {
				t.Fatalf("tools/list: got %v, %v, want 4 tools", tools, err)
			}
			if got := callTool(t, session, "count"); got != "counted" {
				t.Errorf("got %q, want counted", got)
			}
			for range 3 {
				await(t, "progress", heard.progress)
			}
			if test.version < "2026-07-28" {
				if got := callTool(t, session, "ask"); got != "the person chose decline" {
					t.Errorf("elicitation: got %q, want the client's answer", got)
				}
				callTool(t, session, "grow")
				await(t, "the server's own notification", heard.changed)
			}
			testCancellation(t, w, session)
			if err := session.Close(); err != nil {
				t.Error(err)
			}
			if err := await(t, "the bridge's end", served); err != nil && !errors.Is(err, io.ErrClosedPipe) { // the client may be gone first
				t.Error(err)
			}
			if w.refused != 0 {
				t.Errorf("%d requests came without the token", w.refused)
			}
			if want := test.version < "2026-07-28"; (w.deleted == 1) != want {
				t.Errorf("got %d DELETE requests, want one %t", w.deleted, want)
			}
		})
	}
}

func testCancellation(t *testing.T, w *world, session *sdk.ClientSession) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := session.CallTool(ctx, &sdk.CallToolParams{Name: "slow", Arguments: map[string]any{}})
		failed <- err
	}()
	await(t, "the slow call", w.started)
	cancel()
	if err := await(t, "the cancelled call's error", failed); err == nil {
		t.Error("a cancelled call: got no error")
	}
	await(t, "the call's cancellation", w.ended)
}
