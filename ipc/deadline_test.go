package ipc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestContext(t *testing.T) {
	type key struct{}
	for _, tc := range []struct {
		name string
		act  func(parent context.CancelFunc, r *requestContext)
		want error
	}{
		{"running", func(context.CancelFunc, *requestContext) {}, nil},
		{"late", func(context.CancelFunc, *requestContext) { time.Sleep(time.Minute) }, context.DeadlineExceeded},
		{"parent ended", func(parent context.CancelFunc, _ *requestContext) { parent() }, context.Canceled},
		{"over", func(_ context.CancelFunc, r *requestContext) { r.end() }, context.Canceled},
	} {
		for _, waited := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
				defer cancel()
				r := withDeadline(parent, time.Now(), time.Minute)
				defer r.end()
				child, stop := context.Context(r), func() {}
				if waited {
					// A child context makes package context wait for its parent.
					child, stop = context.WithCancel(r)
				}
				defer stop()
				tc.act(cancel, r)
				synctest.Wait()
				if got := child.Err(); !errors.Is(got, tc.want) {
					t.Errorf("%s, waited %t: got %v, want %v", tc.name, waited, got, tc.want)
				}
				select {
				case <-r.Done():
					if tc.want == nil {
						t.Errorf("%s: Done is closed", tc.name)
					}
				default:
					if tc.want != nil {
						t.Errorf("%s: Done is open", tc.name)
					}
				}
				if got := child.Value(key{}); got != "v" {
					t.Errorf("%s: got value %v, want v", tc.name, got)
				}
			})
		}
	}
}
