package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oauthd/daemon/oauthtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// authorizationURLIn finds the first authorization URL in a file, such as the standard error of a login.
func authorizationURLIn(ts *testscript.TestScript, file string) *url.URL {
	found := regexp.MustCompile(`https?://\S*/authorize\?\S+`).FindString(ts.ReadFile(file))
	u, err := url.Parse(found)
	if err != nil || found == "" {
		ts.Fatalf("no authorization URL is in %s", file)
	}
	return u
}

// redirectURIIn is the redirect URI of that authorization URL.
func redirectURIIn(ts *testscript.TestScript, file string) *url.URL {
	u, err := url.Parse(authorizationURLIn(ts, file).Query().Get("redirect_uri"))
	ts.Check(err)
	return u
}

// tooLate answers an authorization request whose login has ended, and returns the page that says that this was not used;
// "" if there is none.
func tooLate(authorization *url.URL) (page string) {
	answer := authorization.Query().Get("redirect_uri") + "?" +
		url.Values{"code": {"late"}, "state": {authorization.Query().Get("state")}}.Encode()
	poll(func() bool {
		resp, err := http.Get(answer)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && strings.Contains(string(body), "was not used") {
			page = string(body)
		}
		return page != ""
	})
	return page
}

// stranded is a browser on another machine: what leads to the redirect URI ends there, at the address that its
// address bar then shows.
type stranded struct {
	provider string // host and port
	at       string
}

func (s *stranded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == s.provider {
		return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	}
	s.at = r.URL.String()
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: r,
	}, nil
}

// cmdRedirected does what a browser on another machine does with the authorization URL in FILE: it cannot open the
// page it is sent to. The address of that page goes to the file OUT and to $REDIRECTED, its parts to $CODE and $STATE.
//
//	redirected allow|deny FILE OUT
func cmdRedirected(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: redirected allow|deny FILE OUT")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	start := authorizationURLIn(ts, args[1])
	browser := &stranded{provider: start.Host}
	if _, err := oauthtest.Follow(ctx, &http.Client{Transport: browser}, start.String(), args[0]); err != nil {
		ts.Fatalf("%v", err)
	}
	u, err := url.Parse(browser.at)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(browser.at+"\n"), 0o600))
	ts.Setenv("REDIRECTED", browser.at)
	ts.Setenv("CODE", u.Query().Get("code"))
	ts.Setenv("STATE", u.Query().Get("state"))
}

// cmdRedirectURI sets a variable to the redirect URI of the authorization URL in FILE, with "port" to its port alone,
// and with "certificate" to the SHA-256 fingerprint of the certificate that is shown there.
//
//	redirecturi uri|port|certificate FILE NAME
func cmdRedirectURI(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: redirecturi uri|port|certificate FILE NAME")
	}
	u := redirectURIIn(ts, args[1])
	switch args[0] {
	case "uri":
		ts.Setenv(args[2], u.String())
	case "port":
		ts.Setenv(args[2], u.Port())
	case "certificate":
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", u.Host,
			&tls.Config{InsecureSkipVerify: true}) // nobody vouches for it but its fingerprint
		ts.Check(err)
		defer conn.Close()
		sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
		ts.Setenv(args[2], strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"))
	default:
		ts.Fatalf("a redirect URI has no %s", args[0])
	}
}

// cmdDevice is the person who decides about the one device that waits, or will. With code it sets $USER_CODE alone.
//
//	device allow|deny|code
func cmdDevice(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: device allow|deny|code")
	}
	server := worldOf(ts).provider(ts)
	if !poll(func() bool { return len(server.WaitingDevices()) > 0 }) {
		ts.Fatalf("no device waits")
	}
	codes := server.WaitingDevices()
	if len(codes) != 1 {
		ts.Fatalf("got %d devices that wait, want 1", len(codes))
	}
	ts.Setenv("USER_CODE", codes[0])
	switch args[0] {
	case "allow":
		ts.Check(server.ApproveDevice(codes[0]))
	case "deny":
		ts.Check(server.DenyDevice(codes[0]))
	case "code":
	default:
		ts.Fatalf("nobody can %s a device", args[0])
	}
}

// cmdClients reports on the clients that registered themselves at the provider:
//
//	clients count N         that many are registered
//	clients id NAME         sets $NAME to the id of the only one
//	clients forget          the provider forgets them
func cmdClients(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: clients count N|id NAME|forget")
	}
	server := worldOf(ts).provider(ts)
	ids := server.RegisteredClients()
	switch {
	case args[0] == "forget" && len(args) == 1:
		server.ForgetClients()
	case args[0] == "count" && len(args) == 2:
		if got := strconv.Itoa(len(ids)); got != args[1] {
			ts.Fatalf("got %s registered clients, want %s", got, args[1])
		}
	case args[0] == "id" && len(args) == 2 && len(ids) == 1:
		ts.Setenv(args[1], ids[0])
	default:
		ts.Fatalf("clients cannot do that, with %d registered", len(ids))
	}
}

// cmdResources checks the resource indicators of the last request to an endpoint:
//
//	resources ENDPOINT [URI...]
func cmdResources(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: resources ENDPOINT [URI...]")
	}
	all := worldOf(ts).provider(ts).Resources(oauthtest.Endpoint(args[0]))
	if len(all) == 0 {
		ts.Fatalf("no request came to %s", args[0])
	}
	if got := all[len(all)-1]; !slices.Equal(got, args[1:]) {
		ts.Fatalf("got resources %q, want %q", got, args[1:])
	}
}

// cmdHTTPStream makes a POST request over the socket and writes the answer to a file as it comes, until the script
// ends or closes it:
//
//	httpstream FILE BODY PATH
//	httpstream close
func cmdHTTPStream(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if !neg && len(args) == 1 && args[0] == "close" {
		w.closeStreams()
		return
	}
	if neg || len(args) != 3 {
		ts.Fatalf("usage: httpstream FILE BODY PATH")
	}
	ctx, cancel := context.WithCancel(context.Background())
	transport := &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return dialDaemon(ts) },
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://oauthd"+args[2], strings.NewReader(args[1]))
	ts.Check(err)
	out, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	done := make(chan struct{})
	w.streams = append(w.streams, func() { cancel(); <-done })
	go func() {
		defer close(done)
		defer out.Close()
		response, err := transport.RoundTrip(request)
		if err != nil {
			return // the script misses what should be in the file
		}
		defer response.Body.Close()
		_, _ = io.Copy(out, response.Body)
	}()
}

// cmdEvent sets a variable to a field of the first event of that name in a file of events, one JSON object a line:
//
//	event FILE EVENT FIELD NAME
func cmdEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: event FILE EVENT FIELD NAME")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for {
		var event map[string]any
		err := decoder.Decode(&event)
		if errors.Is(err, io.EOF) {
			ts.Fatalf("no event %s is in %s", args[1], args[0])
		}
		ts.Check(err)
		if event["event"] != args[1] {
			continue
		}
		text, ok := event[args[2]].(string)
		if !ok {
			encoded, err := json.Marshal(event[args[2]])
			ts.Check(err)
			text = string(encoded)
		}
		ts.Setenv(args[3], text)
		return
	}
}
