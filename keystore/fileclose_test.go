package keystore

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"
	"weak"
)

// A closed store holds on to nothing that would open it. What the garbage collector has not overwritten yet may still
// be in the process' memory.
func TestFileCloseForgets(t *testing.T) {
	f := NewFile(FileConfig{Dir: t.TempDir(), WorkFactor: 1})
	passphrase := strings.Repeat("correct horse ", 10)
	typed := weak.Make(unsafe.StringData(passphrase))
	if err := f.Open(t.Context(), passphrase); err != nil {
		t.Fatal(err)
	}
	passphrase = ""
	identity := weak.Make(f.identity)
	if err := f.Put(t.Context(), "work", []byte("planted")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	if identity.Value() == nil || typed.Value() != nil {
		t.Errorf("open: got identity %t, passphrase %t; want the identity alone", identity.Value() != nil, typed.Value() != nil)
	}
	f.Close()
	runtime.GC()
	if identity.Value() != nil {
		t.Error("closed: the identity is still reachable")
	}
	runtime.KeepAlive(f)
}
