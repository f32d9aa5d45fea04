package daemon

import (
	"context"
	"fmt"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

// many is how many accounts the benchmarks of this file run beside.
const many = 10_000

// crowd is a daemon with many accounts, of which nobody is logged in.
func crowd(b *testing.B) *rig {
	b.Helper()
	r := build(b, oauthtest.Pipe(withClients(oauthtest.Config{})))
	for i := range many {
		r.write(fmt.Sprintf("accounts/account-%05d.toml", i),
			fmt.Sprintf("issuer = %q\nclient_id = \"app\"\nscopes = [\"openid\", \"email\"]\n", r.server.Issuer()))
	}
	r.start()
	if _, err := r.d.Accounts(context.Background()); err != nil {
		b.Fatal(err)
	}
	return r
}

// BenchmarkCrowd measures what a person does once, beside many accounts that it does not concern.
func BenchmarkCrowd(b *testing.B) {
	r := crowd(b)
	d, ctx := r.d, context.Background()
	b.Run("accounts", func(b *testing.B) {
		for b.Loop() {
			if all, err := d.Accounts(ctx); err != nil || len(all) < many {
				b.Fatal(len(all), err)
			}
		}
	})
	b.Run("reload", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Reload(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Token(ctx, api.TokenRequest{Account: "nobody"}); err == nil {
				b.Fatal("got a token")
			}
		}
	})
	n := 0
	b.Run("import", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			request := r.saved("openid", "email")
			n++
			request.As = fmt.Sprintf("imported-%05d", n)
			b.StartTimer()
			if err := d.Import(ctx, request, func(api.ImportEvent) {}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
