package main

import (
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"oauthd/daemon/oauthtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// worldKey is where a script keeps its world.
type worldKey struct{}

// world is what a script has outside of the program under test.
type world struct {
	server    *oauthtest.Running
	listeners []net.Listener
	watched   map[string]*exec.Cmd
	streams   []func() // each ends one
	metadata  *metadataServer
	mcp       *mcpServer
	protected *protectedServer
}

func (w *world) closeStreams() {
	for _, end := range w.streams {
		end()
	}
	w.streams = nil
}

func (w *world) close() {
	w.closeStreams()
	if w.server != nil {
		_ = w.server.Close()
	}
	for _, l := range w.listeners {
		_ = l.Close()
	}
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// provider returns the script's authorization server.
func (w *world) provider(ts *testscript.TestScript) *oauthtest.Running {
	if w.server == nil {
		ts.Fatalf("no provider was started")
	}
	return w.server
}

// cmdProvider starts and steers an authorization server. It knows the clients native (public), desktop (public, and not
// for the device grant), basic and post (confidential, named after how they authenticate), and web (post, with the one
// redirect URI http://127.0.0.1:$WEBPORT/callback); $SECRET is the secret of all confidential ones.
//
//	provider start [-lifetime D] [-path /P] [-issuer URL] [-keep] [-norefresh]
//	    [-device] [-devicelifetime D] [-par] [-requirepar] [-registration] [-documents] [-machines]
//	                                     sets $ISSUER, $PORT, $WEBPORT, $SECRET; for -machines see script_machine_test.go
//	provider stop
//	provider fault ENDPOINT FAULT ARG... from now on, see faultOf; none ends it
//	provider count GRANT_TYPE N          so many token requests of that type have come
//	provider requests ENDPOINT N         so many requests have come there
//	provider active N                    so many refresh tokens work
//	provider revoke                      the person withdraws every consent
//	provider user SUBJECT EMAIL          who logs in from now on
//	provider document URL FILE           what a provider with -documents finds at the URL of a client id metadata document
func cmdProvider(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: provider start|stop|fault|count|requests|active|revoke|user|document")
	}
	w := worldOf(ts)
	verb, args := args[0], args[1:]
	need := func(n int) {
		if len(args) != n {
			ts.Fatalf("provider %s takes %d arguments", verb, n)
		}
	}
	equal := func(got int, want string) {
		if strconv.Itoa(got) != want {
			ts.Fatalf("got %d, want %s", got, want)
		}
	}
	switch verb {
	case "start":
		w.start(ts, args)
	case "stop":
		_ = w.provider(ts).Close()
	case "fault":
		if len(args) < 2 {
			ts.Fatalf("usage: provider fault ENDPOINT FAULT ARG...")
		}
		fault, err := faultOf(args[1], args[2:])
		ts.Check(err)
		w.provider(ts).Always(oauthtest.Endpoint(args[0]), fault)
	case "count":
		need(2)
		equal(w.provider(ts).TokenRequests(args[0]), args[1])
	case "requests":
		need(2)
		equal(w.provider(ts).Requests(oauthtest.Endpoint(args[0])), args[1])
	case "active":
		need(1)
		equal(w.provider(ts).RefreshTokens(), args[0])
	case "revoke":
		w.provider(ts).RevokeAll()
	case "user":
		need(2)
		w.provider(ts).SetUser(oauthtest.User{Subject: args[0], Email: args[1]})
	case "document":
		need(2)
		w.provider(ts).SetClientMetadata(args[0], ts.ReadFile(args[1]))
	default:
		ts.Fatalf("there is no provider %s", verb)
	}
}

func (w *world) start(ts *testscript.TestScript, args []string) {
	flags := flag.NewFlagSet("provider start", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var (
		lifetime  = flags.Duration("lifetime", time.Hour, "")
		path      = flags.String("path", "", "")
		issuer    = flags.String("issuer", "", "")
		keep      = flags.Bool("keep", false, "")
		noRefresh = flags.Bool("norefresh", false, "")
		device    = flags.Bool("device", false, "")
		codeLife  = flags.Duration("devicelifetime", 0, "")
		par       = flags.Bool("par", false, "")
		mustPAR   = flags.Bool("requirepar", false, "")
		register  = flags.Bool("registration", false, "")
		documents = flags.Bool("documents", false, "")
		machines  = flags.Bool("machines", false, "")
		dpop      = flags.Bool("dpop", false, "")
		nonces    = flags.Duration("nonces", 0, "")
		exchange  = flags.Bool("exchange", false, "")
	)
	ts.Check(flags.Parse(args))
	if w.server != nil {
		ts.Fatalf("a provider runs already")
	}
	loopback := []string{"http://127.0.0.1/callback", "http://[::1]/callback", "http://localhost/callback", "http://127.0.0.1/other"}
	secret, webPort := "cs-"+rand.Text(), freePort(ts)
	var scopes []string // the usual ones
	if *noRefresh {
		scopes = []string{"openid", "email", "calendar.read"}
	}
	cfg := oauthtest.Config{
		Issuer: *issuer + *path,
		Clients: []oauthtest.Client{
			{ID: "native", RedirectURIs: append(loopback,
				"http://127.0.0.1:"+webPort+"/fixed", "https://127.0.0.1:"+webPort+"/secure")},
			{ID: "desktop", RedirectURIs: loopback, GrantTypes: []string{"authorization_code", "refresh_token"}},
			{ID: "basic", Secret: secret, AuthMethod: oauthtest.AuthBasic, RedirectURIs: loopback},
			{ID: "post", Secret: secret, AuthMethod: oauthtest.AuthPost, RedirectURIs: loopback},
			{ID: "web", Secret: secret, AuthMethod: oauthtest.AuthPost, RedirectURIs: []string{"http://127.0.0.1:" + webPort + "/callback"}},
		},
		AccessTokenLifetime: *lifetime,
		Scopes:              scopes,
		KeepRefreshTokens:   *keep,
		AlwaysRefreshToken:  !*noRefresh,
		Device:              *device,
		DeviceLifetime:      *codeLife,
		DeviceInterval:      time.Second,
		PAR:                 *par,
		RequirePAR:          *mustPAR,
		Registration:        *register,
		DPoP:                *dpop,
		DPoPNonces:          *nonces,
	}
	if *documents {
		cfg.ClientMetadata = map[string]string{}
	}
	if *machines {
		addMachines(ts, &cfg, secret)
	}
	if *exchange {
		addExchange(&cfg)
	}
	server, err := oauthtest.Listen(cfg)
	ts.Check(err)
	w.server = server
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	ts.Check(err)
	ts.Setenv("ISSUER", server.Issuer())
	ts.Setenv("PORT", port)
	ts.Setenv("WEBPORT", webPort)
	ts.Setenv("SECRET", secret)
	if *machines {
		writeRobotKey(ts, server.Issuer())
	}
}

// freePort returns a port for a redirect URI that is registered with one. It is below those that the kernel gives
// out, because nothing else may take it before the program does.
func freePort(ts *testscript.TestScript) string {
	for range 100 {
		port := strconv.Itoa(20000 + mathrand.IntN(12000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	ts.Fatalf("no port is free")
	return ""
}

// faultOf makes a fault from its words: none, status N, retryafter N SECONDS, html N, error N CODE, redirect N URL,
// huge BYTES, cutoff, reset, hang, set FIELD JSON, remove FIELD.
func faultOf(name string, args []string) (oauthtest.Fault, error) {
	number := func(i int) int {
		if i < len(args) {
			if n, err := strconv.Atoi(args[i]); err == nil {
				return n
			}
		}
		return http.StatusTeapot // nobody asks for it, so a script that forgot the number sees it
	}
	wants := map[string]int{
		"none": 0, "status": 1, "retryafter": 2, "html": 1, "error": 2, "redirect": 2, "huge": 1, "cutoff": 0,
		"reset": 0, "hang": 0, "set": 2, "remove": 1,
	}
	if want, ok := wants[name]; !ok || want != len(args) {
		return nil, fmt.Errorf("no fault is %q with %d arguments", name, len(args))
	}
	switch name {
	case "status":
		return oauthtest.Status(number(0)), nil
	case "retryafter":
		return oauthtest.RetryAfter(number(0), args[1]), nil
	case "html":
		return oauthtest.HTML(number(0)), nil
	case "error":
		return oauthtest.Error(number(0), args[1]), nil
	case "redirect":
		return oauthtest.Redirect(number(0), args[1]), nil
	case "huge":
		return oauthtest.Huge(number(0)), nil
	case "cutoff":
		return oauthtest.CutOff(), nil
	case "reset":
		return oauthtest.Reset(), nil
	case "hang":
		return oauthtest.Hang(), nil
	case "set":
		return oauthtest.Set(args[0], json.RawMessage(args[1])), nil
	case "remove":
		return oauthtest.Remove(args[0]), nil
	}
	return nil, nil
}

// cmdClientFile writes a sample of testdata/client_secrets with this provider's ports and secret in it:
//
//	clientfile SAMPLE FILE
func cmdClientFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: clientfile SAMPLE FILE")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "client_secrets", args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(os.Expand(string(text), ts.Getenv)), 0o600))
}

// cmdOccupy listens on a loopback port until the script ends, or until release:
//
//	occupy PORT
//	occupy release
func cmdOccupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy PORT|release")
	}
	w := worldOf(ts)
	if args[0] == "release" {
		for _, l := range w.listeners {
			ts.Check(l.Close())
		}
		w.listeners = nil
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	ts.Check(err)
	w.listeners = append(w.listeners, l)
}
