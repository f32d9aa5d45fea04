package main

import (
	"testing"

	"oauthd/ipc/api"
)

func TestFreeName(t *testing.T) {
	for _, tt := range []struct {
		name, provider string
		taken          []string
		want           string
	}{
		{"none", "google", nil, "work"},
		{"work is taken", "google", []string{"work"}, "google"},
		{"both are taken", "google", []string{"google", "work"}, "work2"},
		{"no provider by name", "", []string{"work", "work2"}, "work3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var accounts []api.Account
			for _, name := range tt.taken {
				accounts = append(accounts, api.Account{Name: name})
			}
			if got := freeName(tt.provider, accounts); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
