package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthd/ipc/api/apitest"
)

// Whatever stands in the files, and whatever they are called: each mistake is one line of text that begins with its file.
func FuzzMistakesAreText(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed, seed, seed)
		f.Add(fmt.Sprintf("%q = 1", seed), fmt.Sprintf("provider = %q\ngrant = %q", seed, seed), "b")
		f.Add(fmt.Sprintf("[providers.%q]\nissuer = %q", seed, seed), fmt.Sprintf("[%q.a]\n[%q]\na = 1", seed, seed), "c")
		f.Add(fmt.Sprintf("[keystore]\nbackend = %q", seed), fmt.Sprintf("auth_params = {%q = %q}\nresource = %q", seed, seed, seed), "d")
		f.Add("", fmt.Sprintf("client_secrets = %q\ntenant = %q\nkey_file = %q", seed, seed, seed), "e")
	}
	f.Fuzz(func(t *testing.T, main, account, name string) {
		dir := files(t, map[string]string{"config.toml": main, "accounts/work.toml": account})
		if name = strings.NewReplacer("/", "", "\x00", "").Replace(name); len(name) < 200 {
			// A system that cannot have a file of that name has none to tell about.
			_ = os.WriteFile(filepath.Join(dir, "accounts", name+".toml"), []byte("x"), 0o600)
		}
		_, err := Load(dir)
		if err == nil {
			return
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if bad := apitest.Unprintable(line); bad != "" || !strings.HasPrefix(line, dir) {
				t.Errorf("got the line %q (%s), want text about a file", line, bad)
			}
			if len(line) > 4000 {
				t.Errorf("got a line of %d bytes", len(line))
			}
		}
	})
}
