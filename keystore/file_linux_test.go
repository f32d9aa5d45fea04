package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oauthd/keystore"

	"golang.org/x/sys/unix"
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
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=96k,mode=700"); err != nil {
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
	wantOnly(t, dir, "other.age", "work.age") // half a record would take room that there is not
	wantKept(t, f, "work", "old work")
	wantKept(t, f, "other", "old other")
	if _, err := f.Get(t.Context(), "new"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want %v", err, keystore.ErrNotFound)
	}
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
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700"); err != nil {
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

// hang makes whoever opens the file at path wait, as a disk that does not answer does. waited returns when somebody
// does, and resume ends it. Without the right to do so, it skips the test.
func hang(t *testing.T, path string) (waited, resume func()) {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err == nil {
		err = unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_PERM, unix.AT_FDCWD, path)
	}
	if err != nil && os.Getenv("OAUTHD_TEST_REQUIRE") == "" {
		t.Skip("needs root, to hold up who opens a file: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	resume = sync.OnceFunc(func() { _ = unix.Close(fd) })
	t.Cleanup(resume)
	return func() {
		if _, err := unix.Read(fd, make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}, resume
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
	waited, resume := hang(t, recordFile(dir, "work"))
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 2)
	for range 2 { // one that reads and one that waits for its turn
		go func() { _, err := f.Get(ctx, "work"); got <- err }()
	}
	waited()
	wantKept(t, f, "other", "kept")
	short, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if err := f.Put(short, "work", []byte("too early")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Put beside it: got %v, want %v", err, context.DeadlineExceeded)
	}
	cancel()
	for range 2 {
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	}
	resume() // the disk comes back
	if err := f.Put(t.Context(), "work", []byte("new")); err != nil {
		t.Errorf("later: got %v, want nil", err)
	}
	wantKept(t, f, "work", "new")
}

// What is not a file of ours in a record's place is damage, and is neither waited for nor followed. A new record replaces
// it, and what a link led to is as it was.
func TestFileOnlyFilesAreRecords(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(path, precious string) error
	}{
		{"a pipe", func(path, _ string) error { return syscall.Mkfifo(path, 0o600) }},
		{"a directory", func(path, _ string) error { return os.Mkdir(path, 0o700) }},
		{"a link", func(path, precious string) error { return os.Symlink(precious, path) }},
		{"a link to a device", func(path, _ string) error { return os.Symlink("/dev/zero", path) }},
		{"a file that others may write to", func(path, precious string) error {
			return errors.Join(os.Link(precious, path), os.Chmod(path, 0o666))
		}},
	} {
		for _, what := range []string{"", ".partial"} {
			t.Run(tt.name+what, func(t *testing.T) {
				dir := t.TempDir()
				f := openFile(t, dir)
				if err := f.Put(t.Context(), "work", []byte("kept")); err != nil {
					t.Fatal(err)
				}
				precious, path := filepath.Join(dir, "precious"), recordFile(dir, "work")+what
				if err := os.Rename(recordFile(dir, "work"), precious); err != nil {
					t.Fatal(err)
				}
				before, err := os.ReadFile(precious)
				if err != nil {
					t.Fatal(err)
				}
				if err := tt.plant(path, precious); err != nil {
					t.Fatal(err)
				}
				want := keystore.ErrDamaged
				if what != "" {
					want = keystore.ErrNotFound
				}
				_, err = f.Get(t.Context(), "work")
				if !errors.Is(err, want) || errors.Is(err, keystore.ErrUnavailable) || what == "" && !strings.Contains(err.Error(), path) {
					t.Errorf("got %v, want %v alone, and which file it is", err, want)
				}
				if _, err := os.Lstat(path); err != nil {
					t.Errorf("got %v, want what is there left alone", err)
				}
				if tt.name == "a directory" && what == "" {
					return // no file replaces it
				}
				if err := f.Put(t.Context(), "work", []byte("new")); err != nil {
					t.Errorf("put: got %v, want nil", err)
				}
				wantKept(t, f, "work", "new")
				if after, err := os.ReadFile(precious); string(after) != string(before) {
					t.Errorf("got %d bytes, %v, want what was there untouched", len(after), err)
				}
			})
		}
	}
}

// A store in a place where others could change its files is not used.
func TestFileDirectoryOfOthers(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	if err := f.Put(t.Context(), "work", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	records := filepath.Join(dir, "credentials")
	if err := os.Chmod(records, 0o777); err != nil {
		t.Fatal(err)
	}
	_, getErr := f.Get(t.Context(), "work")
	for what, err := range map[string]error{
		"get": getErr, "put": f.Put(t.Context(), "work", []byte("new")), "delete": f.Delete(t.Context(), "work"), "open": f.Open(t.Context(), filePassphrase),
	} {
		if !errors.Is(err, keystore.ErrUnavailable) || !strings.Contains(err.Error(), "can be written to by others") {
			t.Errorf("%s: got %v, want %v and the reason", what, err, keystore.ErrUnavailable)
		}
	}
	if err := os.Chmod(records, 0o700); err != nil {
		t.Fatal(err)
	}
	wantKept(t, f, "work", "kept")
}

// A disk that refuses to put an interrupted record in its place does not bring the old one back.
func TestFileInterruptedReadOnly(t *testing.T) {
	dir, ok := onDisk(t)
	if !ok {
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
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
