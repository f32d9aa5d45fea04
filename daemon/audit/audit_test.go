package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/daemon/account"
)

// directory is one of the test's own whose path has no links.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func event(name string) account.AuditEvent {
	return account.AuditEvent{Event: "token", Account: name, Outcome: "ok", Caller: &account.Evidence{Process: account.Process{PID: 7, Executable: "/usr/bin/git"}}}
}

// note notes the same event for each name.
func note(t *testing.T, l *Log, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := l.Note(Key{Event: "token", Account: name}, func() account.AuditEvent { return event(name) }); err != nil {
			t.Fatal(err)
		}
	}
}

// texts reads what is wanted, as ACCOUNT or ACCOUNT*REPEATS.
func texts(t *testing.T, l *Log, w Wanted) (found []string) {
	t.Helper()
	for e, err := range l.Read(t.Context(), w) {
		if err != nil {
			t.Fatal(err)
		}
		text := e.Account
		if e.Repeats > 0 {
			text = fmt.Sprintf("%s*%d", text, e.Repeats)
		}
		found = append(found, text)
	}
	return found
}

func lines(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

func TestRepeatsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := directory(t)
		l := New(Config{Dir: dir, Now: time.Now})
		defer l.Close()
		note(t, l, "work", "work", "home", "work")
		if n := lines(t, dir); n != 2 {
			t.Errorf("got %d lines at once, want one for each account", n)
		}
		time.Sleep(again + time.Second)
		synctest.Wait()
		if n := lines(t, dir); n != 3 {
			t.Errorf("after a minute: got %d lines, want the count as well", n)
		}
		note(t, l, "work")
		if got := texts(t, l, Wanted{}); !slices.Equal(got, []string{"work", "home", "work*2", "work"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestNothingWakesUpWithoutRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Dir: directory(t), Now: time.Now})
		defer l.Close()
		note(t, l, "work", "home")
		if l.timer != nil {
			t.Error("a timer runs although nothing was repeated")
		}
	})
}

func TestCountsAreWrittenAtTheEnd(t *testing.T) {
	dir := directory(t)
	l := New(Config{Dir: dir, Now: time.Now})
	note(t, l, "work", "work")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n := lines(t, dir); n != 2 {
		t.Errorf("got %d lines, want the event and its count", n)
	}
	if err := l.Note(Key{}, func() account.AuditEvent { return event("x") }); err == nil {
		t.Error("a closed log was written")
	}
}

func TestWanted(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := New(Config{Dir: directory(t), Now: func() time.Time { return now }})
	defer l.Close()
	note(t, l, "early")
	now = now.Add(time.Hour)
	since := now
	note(t, l, "work")
	printed := event("home")
	printed.Fingerprint, printed.Caller = "f", &account.Evidence{App: "flatpak:org.example.Mail", Parents: []account.Process{{Executable: "/usr/bin/foot"}}}
	if err := l.Note(Key{Event: "token", Account: "home"}, func() account.AuditEvent { return printed }); err != nil {
		t.Fatal(err)
	}
	if err := l.Note(Key{Event: "lock"}, func() account.AuditEvent { return account.AuditEvent{Event: "lock"} }); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		w    Wanted
		want []string
	}{
		{"all", Wanted{}, []string{"early", "work", "home", ""}},
		{"an account", Wanted{AuditRequest: account.AuditRequest{Account: "work"}}, []string{"work"}},
		{"since", Wanted{AuditRequest: account.AuditRequest{Since: &since}}, []string{"work", "home", ""}},
		{"a program", Wanted{AuditRequest: account.AuditRequest{Caller: "bin/git"}}, []string{"early", "work"}},
		{"a parent", Wanted{AuditRequest: account.AuditRequest{Caller: "foot"}}, []string{"home"}},
		{"an application", Wanted{AuditRequest: account.AuditRequest{Caller: "org.example"}}, []string{"home"}},
		{"a token", Wanted{Fingerprint: "f"}, []string{"home"}},
	} {
		if got := texts(t, l, test.w); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Dir: directory(t), Now: time.Now})
		note(t, l, "before")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		seen := make(chan string, 8)
		go func() {
			defer close(seen)
			for e := range l.Read(ctx, Wanted{AuditRequest: account.AuditRequest{Follow: true}}) {
				seen <- e.Account
			}
		}()
		synctest.Wait()
		note(t, l, "after")
		if first, second := <-seen, <-seen; first != "before" || second != "after" {
			t.Errorf("got %q, %q", first, second)
		}
		cancel()
		if _, more := <-seen; more {
			t.Error("a reader goes on after its context has ended")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOldLogsArePutAside(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	dir := directory(t)
	l := New(Config{Dir: dir, Now: func() time.Time { return now }})
	defer l.Close()
	for i := range maxOld + 3 {
		note(t, l, fmt.Sprint(i))
		now = now.Add(maxAge)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != maxOld+1 {
		t.Errorf("got %d files, %v, want %d", len(entries), err, maxOld+1)
	}
	if got := texts(t, l, Wanted{}); !slices.Equal(got, []string{"2", "3", "4", "5", "6"}) {
		t.Errorf("got %q, want the newest, the oldest of them first", got)
	}
	// The age of a log that another daemon began counts too.
	again := New(Config{Dir: dir, Now: func() time.Time { return now }})
	defer again.Close()
	note(t, again, "next")
	if n := lines(t, dir); n != 1 {
		t.Errorf("got %d lines, want the old one put aside", n)
	}
}

func TestLargeLogIsPutAside(t *testing.T) {
	dir := directory(t)
	l := New(Config{Dir: dir, Now: time.Now})
	defer l.Close()
	note(t, l, "work")
	l.size = maxSize - 10
	note(t, l, "home")
	if n := lines(t, dir); n != 1 {
		t.Errorf("got %d lines, want the new one alone", n)
	}
	if got := texts(t, l, Wanted{}); !slices.Equal(got, []string{"work", "home"}) {
		t.Errorf("got %q", got)
	}
}

// What cannot be written is an error for the one who asks, is reported once, and goes on when it can be written again.
func TestDiskThatIsFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full")
	}
	dir := directory(t)
	var told []bool
	l := New(Config{Dir: dir, Now: time.Now, Failed: func(err error) { told = append(told, err != nil) }})
	defer l.Close()
	note(t, l, "work")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full")
	}
	whole := l.file
	l.file = full
	for _, name := range []string{"a", "b"} {
		if err := l.Note(Key{Account: name}, func() account.AuditEvent { return event(name) }); err == nil {
			t.Errorf("%s: got nil, want that it was not written", name)
		}
	}
	_ = full.Close()
	l.file = whole
	note(t, l, "c")
	if !slices.Equal(told, []bool{true, false}) {
		t.Errorf("told %v, want it once, and once that it is over", told)
	}
	if got := texts(t, l, Wanted{}); !slices.Equal(got, []string{"work", "c"}) {
		t.Errorf("got %q", got)
	}
}

func TestLinesOfOthersAreLeftOut(t *testing.T) {
	dir := directory(t)
	if err := os.WriteFile(filepath.Join(dir, File), []byte("nonsense\n{\"account\":\"work\",\"at\":\"2026-01-01T00:00:00Z\"}\n{"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := New(Config{Dir: dir, Now: time.Now})
	defer l.Close()
	if got := texts(t, l, Wanted{}); !slices.Equal(got, []string{"work"}) {
		t.Errorf("got %q, want the line that is one", got)
	}
}

func TestLogThatIsOff(t *testing.T) {
	l := New(Config{Now: time.Now})
	note(t, l, "work")
	if got := texts(t, l, Wanted{}); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func BenchmarkRepeat(b *testing.B) {
	dir, err := filepath.EvalSymlinks(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	l := New(Config{Dir: dir, Now: time.Now})
	defer l.Close()
	k := Key{Event: "token", Account: "work", PID: 7, Start: 8, Token: 9}
	for b.Loop() {
		if err := l.Note(k, func() account.AuditEvent { return event("work") }); err != nil {
			b.Fatal(err)
		}
	}
}

// A log that somebody has moved, or its directory, is written where it belongs; if that cannot be, the line is refused.
func TestLogIsTakenAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not move what is open")
	}
	for _, test := range []struct {
		name   string
		happen func(dir string) error
		want   bool // the line is written
	}{
		{"removed", func(dir string) error { return os.Remove(filepath.Join(dir, File)) }, true},
		{"moved", func(dir string) error { return os.Rename(filepath.Join(dir, File), filepath.Join(dir, "aside")) }, true},
		{"its directory is moved", func(dir string) error { return os.Rename(dir, dir+".aside") }, true},
		{"a directory is in its place", func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, File)), os.Mkdir(filepath.Join(dir, File), 0o700))
		}, false},
		{"a link is in its place", func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, File), filepath.Join(dir, "aside")), os.Symlink("aside", filepath.Join(dir, File)))
		}, false},
		{"a file is in place of its directory", func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".aside"), os.WriteFile(dir, nil, 0o600))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(directory(t), "state")
			var told []bool
			l := New(Config{Dir: dir, Now: time.Now, Failed: func(err error) { told = append(told, err != nil) }})
			defer l.Close()
			note(t, l, "before")
			if err := test.happen(dir); err != nil {
				t.Fatal(err)
			}
			err := l.Note(Key{Account: "after"}, func() account.AuditEvent { return event("after") })
			if (err == nil) != test.want || len(told) > 0 == test.want {
				t.Errorf("got %v, told %v, want it written %t", err, told, test.want)
			}
			if test.want && lines(t, dir) != 1 {
				t.Errorf("got %d lines where the log belongs, want 1", lines(t, dir))
			}
		})
	}
}

// TestALongLineSpoilsNoReading has names that are longer than a line may be, and a file with a line that was made longer
// and half a line at its end.
func TestALongLineSpoilsNoReading(t *testing.T) {
	dir := directory(t)
	long := strings.Repeat("x\x01", maxLine)
	if err := os.WriteFile(filepath.Join(dir, File), []byte(long+"\n{\"event\":\"tok"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := New(Config{Dir: dir, Now: time.Now})
	defer l.Close()
	err := l.Note(Key{Event: "token", Account: "work"}, func() account.AuditEvent {
		e := event("work")
		e.Scope = long
		e.Caller.Executable = long
		e.Caller.Origin = &account.Process{PID: 7, Executable: long}
		e.Caller.Parents = slices.Repeat([]account.Process{{Executable: long}}, 32)
		return e
	})
	if err != nil {
		t.Fatal(err)
	}
	note(t, l, "home")
	if got := texts(t, l, Wanted{}); !slices.Equal(got, []string{"work", "home"}) {
		t.Errorf("got %q, want both lines that can be read", got)
	}
}

// TestAFloodOfRefusalsIsCounted has a program ask for another scope each time: the log stays short, so that it does not
// push out what was before, and what others do is still written.
func TestAFloodOfRefusalsIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := directory(t)
		l := New(Config{Dir: dir, Now: time.Now})
		defer l.Close()
		for i := range 10_000 {
			err := l.Note(Key{Event: "denied", Account: "work", Scope: fmt.Sprint(i)}, func() account.AuditEvent {
				return account.AuditEvent{Event: "denied", Account: "work", Scope: fmt.Sprint(i)}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		note(t, l, "home")
		if n := lines(t, dir); n > maxRefused+2 {
			t.Errorf("got %d lines, want %d at most", n, maxRefused+2)
		}
		l.Flush()
		sum := 0
		for e, err := range l.Read(t.Context(), Wanted{}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Event == "denied" && e.Repeats == 0 {
				sum++
			}
			sum += e.Repeats
		}
		if sum != 10_000 {
			t.Errorf("got %d refusals in all, want every one counted", sum)
		}
		time.Sleep(again)
		note(t, l, "home")
		if l.refused != 0 {
			t.Errorf("%d refusals are still counted after a minute, want none", l.refused)
		}
	})
}
