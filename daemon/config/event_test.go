package config

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestOnEvent(t *testing.T) {
	for _, test := range []struct {
		name, main string
		want       func(dir string) []string
		browser    bool
	}{
		{"nothing", "", func(string) []string { return nil }, false},
		{"a program in PATH", `on_event = ["notify", "./x"]`, func(string) []string { return []string{"notify", "./x"} }, false},
		{"a path", `on_event = ["/bin/notify"]`, func(string) []string { return []string{"/bin/notify"} }, false},
		{"a path relative to the file", `on_event = ["bin/notify", "a"]`, func(dir string) []string {
			return []string{filepath.Join(dir, "bin", "notify"), "a"}
		}, false},
		{"the browser at once", "open_browser = true", func(string) []string { return nil }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := files(t, map[string]string{"config.toml": test.main + "\n"})
			c, wrong := mistakes(t, dir)
			if want := test.want(dir); len(wrong) > 0 || !slices.Equal(c.OnEvent, want) || c.OpenBrowser != test.browser {
				t.Errorf("got %q, %v, mistakes %q; want %q, %v", c.OnEvent, c.OpenBrowser, wrong, want, test.browser)
			}
		})
	}
}
