package account

import (
	"slices"
	"testing"
)

func TestScopeSet(t *testing.T) {
	a, b := ScopeSetOf("b", "a", "b"), ScopeSetOf("a", "b")
	if a != b {
		t.Errorf("got %v and %v, want them equal", a, b)
	}
	if got := a.List(); !slices.Equal(got, []string{"a", "b"}) || a.String() != "a b" || a.Empty() {
		t.Errorf("got %q, %q, %v", got, a, a.Empty())
	}
	if none := ScopeSetOf(); none != (ScopeSet{}) || !none.Empty() || len(none.List()) > 0 {
		t.Errorf("got %v, want the empty set", none)
	}
}
