package ipc

import (
	"context"
	"strings"
	"testing"

	"oauthd/ipc/api"
	"oauthd/ipc/benchtest"
)

// BenchmarkToken measures the socket alone, over a backend that does nothing.
//
//	go test -run - -bench Token -benchtime 2s ./ipc
func BenchmarkToken(b *testing.B) {
	token := sampleToken(api.TokenRequest{Account: "work"})
	token.AccessToken = "ya29." + strings.Repeat("a", 200)
	token.Scope = "openid email https://www.googleapis.com/auth/calendar.readonly"
	r := start(b, &fake{token: func(context.Context, api.TokenRequest) (api.Token, error) { return token, nil }}, nil)
	benchtest.Run(b, r.path, "work")
}
