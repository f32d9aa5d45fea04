package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"oauthd/daemon"
	"oauthd/daemon/config"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// BenchmarkCachedTokenBesideHang asks two daemons in turn for a cached token over a kept connection. In the second one a
// refresh of another account hangs at its provider all the while. The ratio of the medians should be 1.
//
//	go test -run - -bench BesideHang -benchtime 3s ./cmd/oauthd
func BenchmarkCachedTokenBesideHang(b *testing.B) {
	calm, _ := benchDaemon(b)
	beside, other := benchDaemon(b)
	hold := other.Hold(oauthtest.Token)
	b.Cleanup(hold.Release)
	hanging, giveUp := context.WithCancel(context.Background())
	b.Cleanup(giveUp)
	go func() { _, _ = beside.Token(hanging, api.TokenRequest{Account: "slow", Force: true}) }()
	<-hold.Arrived

	times := [2][]time.Duration{}
	for b.Loop() {
		for i, c := range []*client.Client{calm, beside} {
			began := time.Now()
			if _, err := c.Token(context.Background(), api.TokenRequest{Account: "fast"}); err != nil {
				b.Fatal(err)
			}
			times[i] = append(times[i], time.Since(began))
		}
	}
	median := func(d []time.Duration) float64 { slices.Sort(d); return float64(d[len(d)/2]) }
	b.ReportMetric(median(times[0]), "calm-p50-ns")
	b.ReportMetric(median(times[1]), "p50-ns")
	b.ReportMetric(median(times[1])/median(times[0]), "ratio")
}

// benchDaemon runs a daemon with the accounts fast and slow, each at a provider of its own, and returns slow's.
func benchDaemon(b testing.TB) (*client.Client, *oauthtest.Running) {
	b.Helper()
	dir, err := os.MkdirTemp("", "o")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "oauthd.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- runDaemon(ctx, daemon.Config{
			Dir: filepath.Join(dir, "config"), Config: &config.Config{Backend: "memory"}, Store: &keystore.Memory{},
			Log: zerolog.Nop(), UID: os.Getuid(), Socket: socket,
		}, func(api.Status, error) { close(ready) })
	}()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	<-ready
	c := &client.Client{Socket: socket}
	b.Cleanup(func() { _ = c.Close() })
	var provider *oauthtest.Running
	for _, name := range []string{"fast", "slow"} {
		provider, err = oauthtest.Listen(oauthtest.Config{
			Clients:     []oauthtest.Client{{ID: "bench", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
			AutoApprove: true,
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = provider.Close() })
		err = c.Login(ctx, name, api.AccountDefinition{Issuer: provider.Issuer(), ClientID: "bench"}, func(e api.LoginEvent) error {
			if e.Event == api.EventAuthorize {
				go func() { _, _ = oauthtest.Follow(ctx, nil, e.URL, oauthtest.Allow) }()
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return c, provider
}
