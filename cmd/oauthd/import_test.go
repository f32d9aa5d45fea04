package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRemoveSource(t *testing.T) {
	for _, tt := range []struct {
		name      string
		meanwhile func(file string) error
		removed   bool
	}{
		{"nothing happened", func(string) error { return nil }, true},
		{"written to", func(file string) error { return os.WriteFile(file, []byte("a newer login"), 0o600) }, false},
		{"replaced by the same", func(file string) error {
			if err := os.Rename(file, file+".old"); err != nil {
				return err
			}
			return os.WriteFile(file, []byte("a login"), 0o600)
		}, false},
		{"removed", os.Remove, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "token.json")
			if err := os.WriteFile(file, []byte("a login"), 0o600); err != nil {
				t.Fatal(err)
			}
			src, err := openSource(file, nil, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.meanwhile(file); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(file)
			var said bytes.Buffer
			err = src.remove(&said)
			after, _ := os.ReadFile(file)
			if tt.removed != (err == nil) || tt.removed != (said.Len() > 0) || !tt.removed && !bytes.Equal(before, after) {
				t.Errorf("got error %v, %q said; want removed %t", err, said.String(), tt.removed)
			}
			if err != nil && !strings.Contains(err.Error(), "the login is imported, but") {
				t.Errorf("got %q, want it to say that the login is imported", err)
			}
		})
	}
}
