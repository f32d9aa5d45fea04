package files_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

func TestRequestsThatMakeNoSense(t *testing.T) {
	r := newRig(t)
	if err := os.WriteFile(r.path("mine"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("mine", r.path("link")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*api.FileRequest)
		want   string
	}{
		{"relative", func(q *api.FileRequest) { q.Path = "token" }, "the path is not absolute"},
		{"a directory", func(q *api.FileRequest) { q.Path = r.home + "/" }, "is the name of a directory"},
		{"the directory itself", func(q *api.FileRequest) { q.Path = r.home + "/." }, "is the name of a directory"},
		{"the one above", func(q *api.FileRequest) { q.Path = r.home + "/.." }, "is the name of a directory"},
		{"a terminal escape", func(q *api.FileRequest) { q.Path = r.path("a\x1b[2J") }, "characters that do not show"},
		{"no directory", func(q *api.FileRequest) { q.Path = r.path("no/token") }, "there is no directory"},
		{"a person's file", func(q *api.FileRequest) { q.Path = r.path("mine") }, "oauthd did not write it"},
		{"a link", func(q *api.FileRequest) { q.Path, q.Replace = r.path("link"), true }, "is a symbolic link"},
		{"below a file", func(q *api.FileRequest) { q.Path = r.path("mine/token") }, "is a file, not a directory"},
		{"a huge command", func(q *api.FileRequest) { q.OnChange = strings.Repeat("x", 5000) }, "has more than 4096 bytes"},
		{"a zero byte", func(q *api.FileRequest) { q.OnChange = "a\x00b" }, "or a zero byte"},
		{"a command of a process's file", func(q *api.FileRequest) { q.Path, q.OnChange = "", "true" }, "is for a file with a path"},
		{"nobody's file", func(q *api.FileRequest) { q.Path = "" }, "does not say which program asks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.add("token", tt.change)
			var e *api.Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, tt.want) || e.Hint == "" {
				t.Errorf("got %v, want %q and a hint", err, tt.want)
			}
		})
	}
	r.want("mine", "precious")
	if all, err := r.k.List(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("got %v, %v, want no files", all, err)
	}
	if entries, _ := os.ReadDir(r.dir); len(entries) > 1 { // the record
		t.Errorf("got %v, want nothing but the record", entries)
	}
}

func TestReplacingIsAskedForOnce(t *testing.T) {
	r := newRig(t)
	for range 2 {
		if err := os.WriteFile(r.path("token"), []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		r.mustAdd("token", func(q *api.FileRequest) { q.Replace = true })
		r.want("token", r.latest().AccessToken)
	}
	if err := os.WriteFile(r.path("token"), []byte("precious again"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.mint()
	until(t, "noticed", func() bool { return r.listed("token").LastError != nil })
	r.want("token", "precious again")
}

// TestARequestTakesThePlaceOfAnother asks twice for the same file, by another way to it, and fails to the third time.
func TestARequestTakesThePlaceOfAnother(t *testing.T) {
	r := newRig(t)
	r.mustAdd("token", nil)
	if err := os.Symlink(r.home, r.home+".link"); err != nil {
		t.Fatal(err)
	}
	f := r.mustAdd("token", func(q *api.FileRequest) {
		q.Path, q.Template, q.User = r.home+".link/token", "{{user}} {{token}}", "ada"
	})
	if f.Path != r.path("token") {
		t.Errorf("got the path %s, want the one without links, %s", f.Path, r.path("token"))
	}
	r.want("token", "ada at-0000000001")
	r.fail(&api.Error{Code: api.UnknownAccount, Message: "nobody", Hint: "none"})
	if _, err := r.add("token", func(q *api.FileRequest) { q.Account = "nobody" }); !errors.Is(err, &api.Error{Code: api.UnknownAccount}) {
		t.Errorf("got %v, want that there is no such account", err)
	}
	r.fail(nil)
	r.mint()
	until(t, "the token of the request that held", func() bool { return read(t, r.path("token")) == "ada at-0000000002" })
	if all, err := r.k.List(t.Context()); len(all) != 1 || err != nil {
		t.Errorf("got %d files, %v, want one", len(all), err)
	}
	if _, err := r.k.End(t.Context(), r.home+".link/token"); err != nil {
		t.Errorf("end it by the other way: %v", err)
	}
	r.nothingLeft()
	if _, err := r.k.End(t.Context(), r.path("token")); !errors.Is(err, &api.Error{Code: api.BadRequest}) {
		t.Errorf("end it again: got %v, want that there is none", err)
	}
}

func TestThereAreNotTooMany(t *testing.T) {
	r := newRig(t)
	for i := range 256 {
		r.mustAdd(fmt.Sprint("token", i), nil)
	}
	if _, err := r.add("one more", nil); !errors.Is(err, &api.Error{Code: api.Busy}) {
		t.Errorf("got %v, want that there are too many", err)
	}
	r.want("one more", "")
	if _, err := r.k.End(t.Context(), r.path("token7")); err != nil {
		t.Fatal(err)
	}
	r.mustAdd("one more", nil)
	r.stop()
	r.nothingLeft()
}

// TestEverythingAtOnce is for the race detector, and checks that what remains is what is listed.
func TestEverythingAtOnce(t *testing.T) {
	r := newRig(t)
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			name := fmt.Sprint("token", i%3)
			for range 20 {
				_, _ = r.add(name, func(q *api.FileRequest) { q.Template = fmt.Sprint(i, " {{token}}") })
				r.mint()
				r.k.Withdraw(context.Background(), "work", errors.New("logged out"))
				_, _ = r.k.List(context.Background())
				_, _ = r.k.End(context.Background(), r.path(name))
			}
		})
	}
	work.Wait()
	all, err := r.k.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.k.Changed("")
	for _, f := range all {
		until(t, "a listed file is there", func() bool { return read(t, f.Path) != "" })
	}
	r.stop()
	r.nothingLeft()
}

func TestWhoeverAskedIsTheCaller(t *testing.T) {
	r := newRig(t)
	ctx := account.WithCaller(t.Context(), account.Caller{UID: os.Geteuid(), PID: os.Getpid()})
	f, err := r.k.Add(ctx, api.FileRequest{Account: "work"})
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(f.Path) != filepath.Join(r.dir, "files") || f.PID != os.Getpid() {
		t.Errorf("got %+v, want a file of this process in the runtime directory", f)
	}
	if got := read(t, f.Path); got != "at-0000000001" {
		t.Errorf("got %q, want the token without a final newline", got)
	}
	if _, err := r.k.End(t.Context(), f.Path); err != nil {
		t.Errorf("end it: %v", err)
	}
	r.nothingLeft()
}

// TestOnlyOurProgramNamesPaths has a forwarder ask, as for a container or another machine.
func TestOnlyOurProgramNamesPaths(t *testing.T) {
	r := newRig(t)
	for program, want := range map[string]bool{"/usr/bin/oauthd": true, "/usr/sbin/sshd": false, "/usr/bin/oauthd-helper": false, "": false} {
		ctx := account.WithCaller(t.Context(), account.Caller{PID: os.Getpid(), Executable: func() string { return program }})
		_, err := r.k.Add(ctx, api.FileRequest{Account: "work", Path: r.path("token"), OnChange: "true"})
		if got := err == nil; got != want || !got && !errors.Is(err, &api.Error{Code: api.Forbidden}) {
			t.Errorf("%q: got %v, want it allowed: %t", program, err, want)
		}
		if !want {
			continue
		}
		if _, err := r.k.End(ctx, r.path("token")); err != nil {
			t.Error(err)
		}
	}
	r.nothingLeft()
}
