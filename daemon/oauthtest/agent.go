package oauthtest

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Decisions of the person, for [Follow]. They are also the ids of the consent page's buttons.
const (
	Allow = "allow"
	Deny  = "deny"
)

// Page is where a user agent has arrived.
type Page struct {
	// URL is the address after all redirects.
	URL    string
	Status int
	// Body is the page's text, cut at 1 MiB.
	Body string
}

// Follow is a user agent that needs no browser: it opens authorizationURL, presses the button decision ([Allow] or
// [Deny]) where a consent page comes, sends on the form of the response mode form_post, and follows redirects through to
// the page of the client's redirect server, which it returns. client may be nil.
//
// It goes to loopback hosts alone. It is an error when the authorization server does not send it on to the client, and
// then the page is the server's. No error shows a URL's query, where the code is.
func Follow(ctx context.Context, client *http.Client, authorizationURL, decision string) (Page, error) {
	agent := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if client != nil {
		agent = *client
	}
	agent.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return errors.New("more than 10 redirects")
		}
		r.Header.Del("Referer") // as a browser does under the server's Referrer-Policy
		return checkLoopback(r.URL)
	}
	start, err := url.Parse(authorizationURL)
	if err != nil {
		return Page{}, errors.New("oauthtest: the authorization URL cannot be parsed")
	}
	page, err := visit(ctx, &agent, http.MethodGet, start, nil)
	if err != nil {
		return Page{}, fmt.Errorf("oauthtest: open the authorization URL: %w", err)
	}
	for _, button := range []string{decision, "continue"} {
		at, form, ok := findForm(page, button)
		if !ok {
			continue
		}
		if page, err = visit(ctx, &agent, http.MethodPost, at, form); err != nil {
			return Page{}, fmt.Errorf("oauthtest: send the form: %w", err)
		}
	}
	if end, err := url.Parse(page.URL); err != nil || end.Host == start.Host {
		return page, fmt.Errorf("oauthtest: the authorization server did not send the user agent back (status %d)", page.Status)
	}
	return page, nil
}

func visit(ctx context.Context, agent *http.Client, method string, at *url.URL, form url.Values) (Page, error) {
	if err := checkLoopback(at); err != nil {
		return Page{}, err
	}
	request, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, errors.New("the address is not one to go to")
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := agent.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL
		}
		return Page{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return Page{}, fmt.Errorf("read the page: %w", err)
	}
	return Page{URL: response.Request.URL.String(), Status: response.StatusCode, Body: string(body)}, nil
}

// checkLoopback keeps the agent on this machine.
func checkLoopback(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q is not on this machine", u.Hostname())
	}
	return nil
}

// findForm reads the consent page: where its form goes, and what it sends when the button with the id decision is
// pressed. ok is false on a page without that.
func findForm(page Page, decision string) (at *url.URL, form url.Values, ok bool) {
	form = make(url.Values)
	for _, tag := range regexp.MustCompile(`<(?:form|input|button)\s[^>]*>`).FindAllString(page.Body, -1) {
		attributes := make(map[string]string)
		for _, a := range regexp.MustCompile(`\s([a-z]+)="([^"]*)"`).FindAllStringSubmatch(tag, -1) {
			attributes[a[1]] = html.UnescapeString(a[2])
		}
		switch {
		case strings.HasPrefix(tag, "<form"):
			base, err := url.Parse(page.URL)
			if err != nil {
				return nil, nil, false
			}
			if at, err = base.Parse(attributes["action"]); err != nil {
				return nil, nil, false
			}
		case attributes["type"] == "hidden":
			form.Set(attributes["name"], attributes["value"])
		case attributes["id"] == decision:
			if attributes["name"] != "" {
				form.Set(attributes["name"], attributes["value"])
			}
			ok = true
		}
	}
	return at, form, ok && at != nil
}
