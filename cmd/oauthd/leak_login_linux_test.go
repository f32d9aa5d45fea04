package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"oauthd/daemon/oauthtest"
)

// login logs in with a browser, in which a person decides.
func (w *leakWorld) login(name, decision string) *leakCommand {
	w.t.Helper()
	c := w.begin(w.file("secret"), append([]string{"login", name}, w.loginFlags(name)...)...)
	w.browse(c, decision)
	return c
}

// loginFlags define the account of a name.
func (w *leakWorld) loginFlags(name string) []string {
	return []string{"--issuer", w.issuer(), "--client-id", name, "--scope", "openid", "--scope", "email", "--client-secret-stdin"}
}

// browse is the browser that a login has started. Afterwards it opens the last page and the first one again, and one that
// is not there.
func (w *leakWorld) browse(c *leakCommand, decision string) {
	w.t.Helper()
	var address []byte
	if !poll(func() (there bool) {
		var err error
		address, err = os.ReadFile(c.urlFile)
		return err == nil
	}) {
		w.t.Fatalf("%s: no browser was started, %s", c.name(), w.safe(c.stderr.String()))
	}
	w.sweep()
	_ = os.Remove(c.urlFile)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	browser := &http.Client{Transport: pages{w}}
	authorization, err := through(browser, string(address))
	if err != nil {
		w.t.Fatal(err)
	}
	if decision == oauthtest.Deny {
		w.provider.DenyNext()
	}
	page, err := oauthtest.Follow(ctx, browser, authorization, decision)
	if err != nil {
		w.t.Fatalf("%s: %v", c.name(), err)
	}
	for _, again := range []string{page.URL, string(address), page.URL + "/x"} {
		if response, err := browser.Get(again); err == nil {
			_ = response.Body.Close()
		}
	}
}

// pages is a browser's transport. It keeps what the redirect server serves.
type pages struct{ w *leakWorld }

func (p pages) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil || strings.HasPrefix(p.w.provider.URL, "http://"+r.URL.Host) {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	var header strings.Builder
	_ = response.Header.Write(&header)
	p.w.keep(searched{place: fmt.Sprintf("a page of status %d of the redirect server", response.StatusCode), text: header.String() + string(body)})
	return response, err
}

func (w *leakWorld) browserLogins() {
	w.login("denied", oauthtest.Deny).want(4, "was denied")
	w.login("work", oauthtest.Allow).want(0, "logged in as ada@example.com")
	w.begin("", "token", "work", "--force").want(0, "at-")
	w.begin("", "token", "nobody").want(2, "no account")
	w.login("gone", oauthtest.Allow).want(0, "logged in")
	w.begin("", "logout", "gone").want(0, "revoked")
	w.begin("", "token", "gone").want(3, "")
}

// pastedLogin gives the answer of a browser on another machine, first with mistakes.
func (w *leakWorld) pastedLogin() {
	c := w.begin(w.file("secret"), append([]string{"login", "pasted", "--no-browser"}, w.loginFlags("pasted")...)...)
	if !poll(func() bool { return authorizationURL.MatchString(c.stderr.String()) }) {
		w.t.Fatalf("%s: printed no URL", c.name())
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	browser := &stranded{provider: strings.TrimPrefix(w.provider.URL, "http://")}
	authorization := authorizationURL.FindStringSubmatch(c.stderr.String())[1]
	if _, err := oauthtest.Follow(ctx, &http.Client{Transport: browser}, authorization, oauthtest.Allow); err != nil {
		w.t.Fatal(err)
	}
	answer, err := url.Parse(browser.at)
	if err != nil {
		w.t.Fatal("the answer is no URL")
	}
	for i, change := range []func(*url.URL, url.Values){
		func(_ *url.URL, query url.Values) { query.Set("state", "other") },
		func(_ *url.URL, query url.Values) { query.Del("state") },
		func(u *url.URL, _ url.Values) { u.Path = "/other" },
		func(u *url.URL, _ url.Values) { u.Host = "example.com" },
		func(u *url.URL, _ url.Values) { u.Scheme = "mailto" },
	} {
		wrong, query := *answer, answer.Query()
		change(&wrong, query)
		wrong.RawQuery = query.Encode()
		if r := w.run(wrong.String()+"\n", "login", "pasted", "--paste", "-"); r.exit == 0 {
			w.t.Errorf("a wrong address was taken: %d", i)
		}
	}
	if r := w.run(answer.Query().Get("code")+"\n", "login", "pasted", "--paste", "-"); r.exit == 0 {
		w.t.Error("a code alone was taken")
	}
	w.begin(browser.at+"\n", "login", "pasted", "--paste", "-").want(0, "")
	c.want(0, "logged in as ada@example.com")
}

// hostileAccounts have the provider quote all that it is sent: when the code comes, at a refresh, and at the end.
func (w *leakWorld) hostileAccounts(replies []hostileReply) {
	var refreshes []*leakCommand
	for i := range replies {
		name := hostileName(i)
		w.become(name, &replies[i])
		if r := w.login(name, oauthtest.Allow).end(); r.exit == 0 {
			w.t.Errorf("%s (%s): the code was exchanged", name, replies[i].name)
		}
		w.become(name, nil)
		w.login(name, oauthtest.Allow).want(0, "logged in")
		w.become(name, &replies[i])
		refreshes = append(refreshes, w.begin("", "token", name, "--force")) // which may take several tries
	}
	for _, refresh := range refreshes {
		refresh.end() // and may still serve the token it has
	}
	w.begin("", "accounts", "--json").want(0, "last_error")
	for i := range replies {
		w.begin("", "logout", hostileName(i)).want(0, "forgotten")
		w.become(hostileName(i), nil)
	}
}

func hostileName(i int) string { return fmt.Sprintf("hostile%d", i) }

// deviceLogins are four at once: allowed, denied, and refused with a quote, at the start and later.
func (w *leakWorld) deviceLogins(reply *hostileReply) {
	begin := func(name string) *leakCommand {
		return w.begin("", "login", name, "--device", "--issuer", w.issuer(), "--client-id", name, "--scope", "openid")
	}
	w.become("device3", reply)
	begin("device3").want(1, "")
	waiting := map[string]*leakCommand{}
	for name, decide := range map[string]func(string) error{
		"device1": w.provider.ApproveDevice, "device2": w.provider.DenyDevice, "device4": w.provider.ApproveDevice,
	} {
		waiting[name] = begin(name)
		if !poll(func() bool { return len(w.provider.WaitingDevices()) == 1 }) {
			w.t.Fatalf("%s: no device waits", name)
		}
		if name == "device4" {
			w.become(name, reply)
		}
		if err := decide(w.provider.WaitingDevices()[0]); err != nil {
			w.t.Fatal(err)
		}
	}
	waiting["device1"].want(0, "logged in")
	waiting["device2"].want(4, "denied")
	waiting["device4"].want(1, "")
	w.begin("", "token", "device1").want(0, "at-")
}
