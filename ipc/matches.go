package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Matches finds the account that answers for a URL.
type Matches interface {
	// Match returns the account whose tokens may be used at url; user decides among several, if it is not "".
	Match(ctx context.Context, url, user string) (api.Match, error)
}

func (sv *serving) matchRoutes() []route {
	if sv.cfg.Backend.Matches == nil {
		return nil
	}
	return []route{{method: "GET", path: api.PathMatch, query: true, serve: sv.getMatch}}
}

func (sv *serving) getMatch(ctx context.Context, c *call) error {
	var url, user string
	err := readQuery(c.r.URL.RawQuery, []string{"url", "user"}, func(key, value string) error {
		if key == "url" {
			url = value
		} else {
			user = value
		}
		return nil
	})
	if err == nil && url == "" {
		err = badRequest("url is missing", "GET "+api.PathMatch+"?url=https://git.example.com/")
	}
	if err != nil {
		return err
	}
	m, err := sv.cfg.Backend.Matches.Match(ctx, url, user)
	return c.answer(m, err)
}
