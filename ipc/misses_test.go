package ipc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/ipc/api"
)

func TestMissesAreSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sv := &serving{Server: &Server{}}
		took := func(err error) time.Duration {
			began := time.Now()
			sv.missed(t.Context(), err)
			return time.Since(began)
		}
		unknown := error(&api.Error{Code: api.UnknownAccount})
		for i := range freeMisses {
			if got := took(unknown); got != 0 {
				t.Fatalf("miss %d waited %v, want not at all", i+1, got)
			}
		}
		if got := took(unknown); got != missPause {
			t.Errorf("one too many waited %v, want %v", got, missPause)
		}
		for _, err := range []error{nil, errors.New("other"), &api.Error{Code: api.LoginRequired}} {
			if got := took(err); got != 0 {
				t.Errorf("%v waited %v, want not at all", err, got)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		sv.missed(ended, unknown)
		if got := time.Since(began); got != 0 {
			t.Errorf("a request that has ended waited %v", got)
		}
		time.Sleep(time.Second)
		if got := took(unknown); got != 0 {
			t.Errorf("a second later it waited %v, want not at all", got)
		}
	})
}
