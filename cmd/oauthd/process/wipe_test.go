package process

import (
	"slices"
	"testing"
)

func TestOverwriting(t *testing.T) {
	for _, tt := range []struct {
		name          string
		environ, want []string
		done          bool
	}{
		{"nothing set", []string{"HOME=/home/ada"}, []string{"HOME=/home/ada", "GODEBUG=clobberfree=1,asyncpreemptoff=1"}, false},
		{"something else set", []string{"GODEBUG=gctrace=1", "A=b"}, []string{"A=b", "GODEBUG=gctrace=1,clobberfree=1,asyncpreemptoff=1"}, false},
		{"empty", []string{"GODEBUG="}, []string{"GODEBUG=,clobberfree=1,asyncpreemptoff=1"}, false},
		{"set", []string{"GODEBUG=clobberfree=1", "A=b"}, []string{"GODEBUG=clobberfree=1", "A=b"}, true},
		{"switched off", []string{"GODEBUG=gctrace=1,clobberfree=0"}, []string{"GODEBUG=gctrace=1,clobberfree=0"}, true},
	} {
		got, done := Overwriting(tt.environ)
		if !slices.Equal(got, tt.want) || done != tt.done {
			t.Errorf("%s: got %q, %t, want %q, %t", tt.name, got, done, tt.want, tt.done)
		}
		if again, done := Overwriting(got); !done || !slices.Equal(again, got) {
			t.Errorf("%s, once more: got %q, %t, want no change", tt.name, again, done)
		}
	}
}
