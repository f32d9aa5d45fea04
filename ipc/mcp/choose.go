package mcp

import (
	"context"
	"errors"
	"fmt"

	"oauthd/ipc/api"
)

// Places says whose tokens may be used at a place: [oauthd/ipc/client.Client] is one.
type Places interface {
	Match(ctx context.Context, place, user string) (api.Match, error)
}

// Choose returns the account whose tokens may be used at url; it is an error if account, unless that is "", is another.
func Choose(ctx context.Context, places Places, url, account string) (string, error) {
	m, err := places.Match(ctx, url, account)
	if errors.Is(err, &api.Error{Code: api.UnknownAccount}) {
		name := account
		if name == "" {
			name = "NAME"
		}
		return "", &api.Error{
			Code:    api.UnknownAccount,
			Message: "no account's tokens may be used at " + api.Excerpt(url),
			Hint: fmt.Sprintf("oauthd login %s --resource %s for a new account, hosts = [%q] in accounts/%s.toml for one that exists",
				name, api.Excerpt(url), api.Excerpt(url), name),
		}
	}
	if err != nil {
		return "", err
	}
	if account != "" && m.Account != account {
		return "", &api.Error{
			Code:    api.Forbidden,
			Message: fmt.Sprintf("the tokens of %s may not be used at %s, those of %s may", account, api.Excerpt(url), m.Account),
			Hint:    fmt.Sprintf("--account %s, or hosts = [%q] in accounts/%s.toml", m.Account, api.Excerpt(url), account),
		}
	}
	return m.Account, nil
}
