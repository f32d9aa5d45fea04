package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"oauthd/keystore"
)

const diskVariable = "OAUTHD_TEST_DISK"

// onDisk runs the calling test once more in a process with mounts of its own, and returns false in this one.
func onDisk(t *testing.T) (dir string, ok bool) {
	t.Helper()
	if dir := os.Getenv(diskVariable); dir != "" {
		return dir, true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), diskVariable+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, fs.ErrPermission) && os.Getenv("OAUTHD_TEST_REQUIRE") == "":
		t.Skip("mounts of one's own need root")
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
	return "", false
}

// A full disk: the old record stays, no other is touched, and saving works again when there is room.
func TestFileFullDisk(t *testing.T) {
	dir, ok := onDisk(t)
	if !ok {
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=96k"); err != nil {
		t.Fatal(err)
	}
	f := openFile(t, dir)
	for _, name := range []string{"work", "other"} {
		if err := f.Put(t.Context(), name, []byte("old "+name)); err != nil {
			t.Fatal(err)
		}
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want a full disk", err)
	}
	for _, name := range []string{"work", "new"} {
		if err := f.Put(t.Context(), name, bytes.Repeat([]byte("x"), 5000)); !errors.Is(err, keystore.ErrFull) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Put %s: got %v, want %v", name, err, keystore.ErrFull)
		}
	}
	wantKept(t, f, "work", "old work")
	wantKept(t, f, "other", "old other")
	if _, err := f.Get(t.Context(), "new"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want %v", err, keystore.ErrNotFound)
	}
	wantOnly(t, dir, "other.age", "work.age")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), "work", []byte("new")); err != nil {
		t.Errorf("with room again: got %v, want nil", err)
	}
	wantKept(t, f, "work", "new")
}

func TestFileFullDiskAtTheFirstOpening(t *testing.T) {
	dir, ok := onDisk(t)
	if !ok {
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want a full disk", err)
	}
	f := newFile(dir)
	if err := f.Open(t.Context(), filePassphrase); !errors.Is(err, keystore.ErrFull) || !f.Closed() {
		t.Errorf("got %v, closed %t, want %v", err, f.Closed(), keystore.ErrFull)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := f.Open(t.Context(), filePassphrase); err != nil || f.Closed() {
		t.Errorf("with room: got %v, closed %t", err, f.Closed())
	}
}

// A directory that cannot be written, by root neither: reading goes on.
func TestFileReadOnlyDisk(t *testing.T) {
	dir, ok := onDisk(t)
	if !ok {
		return
	}
	f := openFile(t, dir)
	if err := f.Put(t.Context(), "work", []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for op, err := range map[string]error{
		"Put": f.Put(t.Context(), "work", []byte("new")), "Put of a new one": f.Put(t.Context(), "new", nil),
		"Delete": f.Delete(t.Context(), "work"),
	} {
		if !errors.Is(err, keystore.ErrUnavailable) || !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: got %v, want %v", op, err, keystore.ErrUnavailable)
		}
	}
	wantKept(t, f, "work", "old")
	wantOnly(t, dir, "work.age")
	again := openFile(t, dir)
	wantKept(t, again, "work", "old")
	if err := newFile(filepath.Join(dir, "elsewhere")).Open(t.Context(), filePassphrase); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("a first opening: got %v, want %v", err, keystore.ErrUnavailable)
	}
}

func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "credentials"))
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got files %q, %v, want %q", got, err, want)
	}
}

// A disk that does not answer holds up its record alone, and nobody longer than the context says.
func TestFileDiskThatHangs(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	for _, name := range []string{"work", "other"} {
		if err := f.Put(t.Context(), name, []byte("kept")); err != nil {
			t.Fatal(err)
		}
	}
	pipe := recordFile(dir, "work")
	if err := errors.Join(os.Remove(pipe), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 2)
	for range 2 { // one that reads and one that waits for its turn
		go func() { _, err := f.Get(ctx, "work"); got <- err }()
	}
	wantKept(t, f, "other", "kept")
	cancel()
	for range 2 {
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	}
	w, err := os.OpenFile(pipe, os.O_RDWR, 0) // the disk comes back
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "no record")
	if err := errors.Join(os.Remove(pipe), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), "work", []byte("new")); err != nil {
		t.Errorf("later: got %v, want nil", err)
	}
	wantKept(t, f, "work", "new")
}

// A disk that refuses to put an interrupted record in its place does not bring the old one back.
func TestFileInterruptedReadOnly(t *testing.T) {
	dir, ok := onDisk(t)
	if !ok {
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	f := openFile(t, dir)
	partial := interrupted(t, f, dir, "work")
	for _, flags := range []uintptr{syscall.MS_RDONLY, 0} {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
		wantKept(t, f, "work", "new")
		if _, err := os.Stat(partial); errors.Is(err, fs.ErrNotExist) != (flags == 0) {
			t.Errorf("mounted with %#x: got %v, want it placed %t", flags, err, flags == 0)
		}
	}
}
