package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oauthd/ipc/api"
)

// Accounts lists all accounts.
func (c *Client) Accounts(ctx context.Context) ([]api.Account, error) {
	var list []api.Account
	err := c.call(ctx, http.MethodGet, api.PathAccounts, "", &list)
	return list, err
}

// Account shows one account.
func (c *Client) Account(ctx context.Context, name string) (api.Account, error) {
	var a api.Account
	err := c.callNamed(ctx, http.MethodGet, api.PathAccount, name, &a)
	return a, err
}

// Remove logs an account out and removes it.
func (c *Client) Remove(ctx context.Context, name string) (api.LogoutResult, error) {
	var r api.LogoutResult
	err := c.callNamed(ctx, http.MethodDelete, api.PathAccount, name, &r)
	return r, err
}

// Logout revokes an account's grant at the provider and forgets its credential.
func (c *Client) Logout(ctx context.Context, name string) (api.LogoutResult, error) {
	var r api.LogoutResult
	err := c.callNamed(ctx, http.MethodPost, api.PathLogout, name, &r)
	return r, err
}

// Status says how the daemon is.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var s api.Status
	err := c.call(ctx, http.MethodGet, api.PathStatus, "", &s)
	return s, err
}

// Shutdown asks the daemon to stop. It returns when the daemon has agreed, which is before it has ended.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, api.PathShutdown, "", &struct{}{})
}

func (c *Client) callNamed(ctx context.Context, method, path, name string, into any) error {
	if err := api.CheckAccountName(name); err != nil {
		return err
	}
	return c.call(ctx, method, path, name, into)
}

// call is callWith without a body.
func (c *Client) call(ctx context.Context, method, path, name string, into any) error {
	return c.callWith(ctx, method, path, name, nil, into)
}

// callWith is exchange, and once more when a person has unlocked the daemon.
func (c *Client) callWith(ctx context.Context, method, path, name string, body []byte, into any) error {
	again, err := c.unlocked(ctx, c.exchange(ctx, method, path, name, body, into))
	if again {
		err = c.exchange(ctx, method, path, name, body, into)
	}
	return err
}

// exchange sends a request and decodes the answer. It waits a minute at most when ctx has no deadline.
func (c *Client) exchange(ctx context.Context, method, path, name string, body []byte, into any) error {
	defer c.waits(ctx)()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultTimeout)
		defer cancel()
	}
	resp, err := c.send(ctx, method, path, name, body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return cutShort(ctx, err)
	}
	if json.Unmarshal(answer, into) != nil {
		return malformed()
	}
	return nil
}

// send sends a request and returns an answer of status 200, whose body the caller must close.
func (c *Client) send(ctx context.Context, method, path, name string, body []byte) (resp *http.Response, err error) {
	err = c.persist(ctx, func() error {
		resp, err = c.sendOnce(ctx, method, path, name, body)
		return err
	})
	return resp, err
}

func (c *Client) sendOnce(ctx context.Context, method, path, name string, body []byte) (*http.Response, error) {
	target := "http://" + api.Host + strings.NewReplacer("{name}", url.PathEscape(name), "{id}", url.PathEscape(name)).Replace(path)
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.transport().RoundTrip(req)
	if err != nil {
		return nil, transportError(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	var e api.ErrorBody
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, cutShort(ctx, err)
	}
	if json.Unmarshal(text, &e) != nil || e.Error == nil {
		return nil, malformed()
	}
	return nil, e.Error
}

func (c *Client) transport() *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.web == nil {
		c.web = &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
			DisableCompression: true,
			MaxIdleConns:       maxIdle,
			// Less than the daemon waits, so that a kept connection is not found closed.
			IdleConnTimeout: time.Minute,
		}
	}
	return c.web
}

func transportError(ctx context.Context, err error) error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
		return e
	case ctx.Err() != nil:
		return contextError(ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return contextError(err)
	}
	return errors.Join(errConnection, err)
}

// cutShort words an answer that broke off.
func cutShort(ctx context.Context, err error) error {
	if err = transportError(ctx, err); errors.Is(err, errConnection) {
		e := &api.Error{Code: api.NoDaemon, Message: "the daemon went away in the middle of its answer", Hint: "try again"}
		return e.Because(err)
	}
	return err
}
