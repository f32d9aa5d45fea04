package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"oauthd/daemon/oauthtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdExitStatus runs a command and checks its exit status:
//
//	exitstatus N COMMAND ARG...
func cmdExitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitstatus N COMMAND ARG...")
	}
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("got exit status %d, want %s", got, args[0])
	}
}

// cmdEnded says how a background command has ended. Said with a name after its start, it keeps an eye on the newest
// one; said with a number after its wait, it checks the exit status:
//
//	ended of NAME
//	ended N NAME
func cmdEnded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ended of|N NAME")
	}
	watched := worldOf(ts).watched
	if args[0] == "of" {
		running := ts.BackgroundCmds()
		if len(running) == 0 {
			ts.Fatalf("nothing runs in the background")
		}
		watched[args[1]] = running[len(running)-1]
		return
	}
	cmd := watched[args[1]]
	if cmd == nil || cmd.ProcessState == nil {
		ts.Fatalf("%s was not watched and waited for", args[1])
	}
	if got := strconv.Itoa(cmd.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("%s: got exit status %s, want %s", args[1], got, args[0])
	}
}

func dialDaemon(ts *testscript.TestScript) (net.Conn, error) {
	conn, err := net.DialTimeout("unix", ts.Getenv("SOCK"), patience)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	return conn, err
}

// cmdWaitListen waits until a daemon listens.
func cmdWaitListen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: waitlisten")
	}
	ready := func() bool {
		conn, err := dialDaemon(ts)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}
	if !poll(ready) {
		ts.Fatalf("no daemon listens on %s", ts.Getenv("SOCK"))
	}
}

// cmdWaitFile waits until a file is there; cmdWaitGone until it is not.
func cmdWaitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfile FILE")
	}
	if !poll(func() bool { _, err := os.Stat(ts.MkAbs(args[0])); return err == nil }) {
		ts.Fatalf("%s does not come", args[0])
	}
}

func cmdWaitGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitgone FILE")
	}
	if !poll(func() bool { _, err := os.Lstat(ts.MkAbs(args[0])); return errors.Is(err, fs.ErrNotExist) }) {
		ts.Fatalf("%s does not go", args[0])
	}
}

// cmdUntil waits until a pattern is in a file:
//
//	until PATTERN FILE
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until PATTERN FILE")
	}
	pattern, err := regexp.Compile(`(?m)` + args[0])
	ts.Check(err)
	if !poll(func() bool { text, err := os.ReadFile(ts.MkAbs(args[1])); return err == nil && pattern.Match(text) }) {
		ts.Fatalf("%s does not come to hold %q", args[1], args[0])
	}
}

// cmdPortFree waits until nobody listens on a loopback port: the one named, or that of the redirect URI in a file that
// holds an authorization URL.
//
//	portfree PORT|FILE
func cmdPortFree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: portfree PORT|FILE")
	}
	address := "127.0.0.1:" + args[0]
	if _, err := strconv.Atoi(args[0]); err != nil {
		address = redirectURIIn(ts, args[0]).Host
	}
	free := func() bool {
		l, err := net.Listen("tcp", address)
		if err == nil {
			_ = l.Close()
		}
		return err == nil
	}
	if !poll(free) {
		ts.Fatalf("somebody listens on %s", address)
	}
}

// cmdTooLate checks that the login whose authorization URL is in a file has ended: an answer to it leads to a page that
// says that it was not used, with a text in it.
//
//	toolate FILE TEXT
func cmdTooLate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: toolate FILE TEXT")
	}
	if page := tooLate(authorizationURLIn(ts, args[0])); !strings.Contains(page, args[1]) {
		ts.Fatalf("an answer to the login that has ended: got a page that lacks %q", args[1])
	}
}

// cmdFollow does what agent does, with the URL in a file, and prints the last page:
//
//	follow allow|deny FILE
func cmdFollow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: follow allow|deny FILE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	page, err := oauthtest.Follow(ctx, nil, authorizationURLIn(ts, args[1]).String(), args[0])
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), page.Body)
}

// cmdLineJSON sends lines over one connection to the socket and prints what comes back:
//
//	linejson LINE...
func cmdLineJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: linejson LINE...")
	}
	conn, err := dialDaemon(ts)
	ts.Check(err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, line := range args {
		_, err := fmt.Fprintln(conn, line)
		ts.Check(err)
		answer, err := answers.ReadString('\n')
		ts.Check(err)
		fmt.Fprint(ts.Stdout(), answer)
	}
}

// cmdHTTPGet makes a request over the socket, prints the answer's body to standard output and its status and headers
// to standard error:
//
//	httpget [-X METHOD] [-H 'NAME: VALUE']... [-d BODY] PATH
func cmdHTTPGet(ts *testscript.TestScript, neg bool, args []string) {
	method, body, header := http.MethodGet, "", http.Header{}
	for len(args) > 2 {
		switch args[0] {
		case "-X":
			method = args[1]
		case "-d":
			body = args[1]
		case "-H":
			name, value, _ := strings.Cut(args[1], ":")
			header.Set(name, strings.TrimSpace(value))
		default:
			ts.Fatalf("httpget has no %s", args[0])
		}
		args = args[2:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: httpget [-X METHOD] [-H 'NAME: VALUE']... [-d BODY] PATH")
	}
	transport := &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return dialDaemon(ts) },
		DisableKeepAlives: true,
	}
	request, err := http.NewRequest(method, "http://oauthd"+args[0], strings.NewReader(body))
	ts.Check(err)
	request.Header = header
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := transport.RoundTrip(request)
	ts.Check(err)
	defer response.Body.Close()
	_, err = io.Copy(ts.Stdout(), response.Body)
	ts.Check(err)
	fmt.Fprintln(ts.Stderr(), "status", response.StatusCode)
	ts.Check(response.Header.Write(ts.Stderr()))
}

// cmdField checks a value in a JSON file; the path consists of names and indexes, and the value is a pattern for the whole:
//
//	[!] field FILE PATH [PATTERN]
func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 || neg && len(args) == 3 {
		ts.Fatalf("usage: [!] field FILE PATH [PATTERN]")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	found := true
	for name := range strings.SplitSeq(args[1], ".") {
		switch v := value.(type) {
		case map[string]any:
			value, found = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			found = err == nil && i < len(v)
			if found {
				value = v[i]
			}
		default:
			found = false
		}
		if !found {
			break
		}
	}
	if found == neg {
		ts.Fatalf("%s in %s: got %t, want %t", args[1], args[0], found, !neg)
	}
	if len(args) < 3 {
		return
	}
	text, ok := value.(string)
	if !ok {
		encoded, err := json.Marshal(value)
		ts.Check(err)
		text = string(encoded)
	}
	pattern, err := regexp.Compile(`^(?:` + args[2] + `)$`)
	ts.Check(err)
	if !pattern.MatchString(text) {
		ts.Fatalf("%s: got %s, want %s", args[1], text, args[2])
	}
}

// cmdSameJSON compares two files of one JSON object each, but for the fields named:
//
//	[!] samejson FILE1 FILE2 [FIELD...]
func cmdSameJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] samejson FILE1 FILE2 [FIELD...]")
	}
	var objects [2]map[string]any
	for i := range objects {
		if err := json.Unmarshal([]byte(ts.ReadFile(args[i])), &objects[i]); err != nil {
			ts.Fatalf("%s is not a JSON object: %v", args[i], err)
		}
		for _, name := range args[2:] {
			delete(objects[i], name)
		}
	}
	if same := reflect.DeepEqual(objects[0], objects[1]); same == neg {
		ts.Fatalf("%s and %s: same is %t, want %t", args[0], args[1], same, !neg)
	}
}

// cmdMode checks a file's permissions, in octal:
//
//	mode PERMISSIONS FILE
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode PERMISSIONS FILE")
	}
	info, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s: got mode %s, want %s", args[1], got, args[0])
	}
}
