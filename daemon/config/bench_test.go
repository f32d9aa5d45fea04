package config

import (
	"fmt"
	"testing"

	"oauthd/daemon/account"
)

// many is how many accounts the benchmarks have.
const many = 10_000

func manyAccounts(b *testing.B) (dir string, r *Reader) {
	b.Helper()
	contents := map[string]string{"config.toml": "[providers.corp]\nissuer = \"https://login.example.com\"\n"}
	for i := range many {
		contents[fmt.Sprintf("accounts/a%05d.toml", i)] = header + fmt.Sprintf(google, "app") + "scopes = [\"openid\", \"email\"]\n"
	}
	dir = files(b, contents)
	r = NewReader(dir, nil)
	if c := settled(b, r); c.Err() != nil || len(c.Accounts) != many {
		b.Fatalf("got %d accounts, %v", len(c.Accounts), c.Err())
	}
	return dir, r
}

func BenchmarkLoad(b *testing.B) {
	dir, _ := manyAccounts(b)
	for b.Loop() {
		if _, err := Load(dir); err != nil {
			b.Fatal(err)
		}
	}
}

// Budget: a reload with nothing changed takes 40 ms at most, of which this is the most.
func BenchmarkReadUnchanged(b *testing.B) {
	_, r := manyAccounts(b)
	for b.Loop() {
		read(b, r)
	}
}

func BenchmarkReadOneChanged(b *testing.B) {
	dir, r := manyAccounts(b)
	before := read(b, r)
	for i := 0; b.Loop(); i++ {
		write(b, dir, "accounts/a00007.toml", fmt.Sprintf(google, fmt.Sprint(i)))
		c := read(b, r)
		if len(c.Changed(before)) != 1 {
			b.Fatalf("got %q", c.Changed(before))
		}
		before = c
	}
}

// Budget: a login or an import takes 20 ms at most.
func BenchmarkSave(b *testing.B) {
	_, r := manyAccounts(b)
	before := read(b, r)
	for i := 0; b.Loop(); i++ {
		c, err := r.Save(b.Context(), account.Account{Name: "new", Provider: "google", ClientID: fmt.Sprint(i), Grant: account.GrantAuthorizationCode})
		if err != nil || len(c.Changed(before)) != 1 {
			b.Fatalf("got %v, %q", err, c.Changed(before))
		}
		before = c
	}
}

func BenchmarkStale(b *testing.B) {
	_, r := manyAccounts(b)
	c := read(b, r)
	for b.Loop() {
		if c.Stale("unknown") {
			b.Fatal("got stale, want not")
		}
	}
}
