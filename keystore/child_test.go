package keystore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

func TestRunChildRefuses(t *testing.T) {
	large := `"` + strings.Repeat("A", 96_004) + `"` // 72,003 bytes
	tests := []struct{ name, stdin, want string }{
		{"nothing", "", "not JSON"},
		{"no JSON", "hunter2", "not JSON"},
		{"wrong type", `{"op":"get","name":"work","timeout":"hunter2"}`, "not JSON"},
		{"no op", `{"service":"oauthd","name":"work","timeout":1000}`, "no known op"},
		{"other op", `{"op":"hunter2","service":"oauthd","name":"work","timeout":1000}`, "no known op"},
		{"no name", `{"op":"get","service":"oauthd","timeout":1000}`, "a name has"},
		{"part as name", `{"op":"get","service":"oauthd","name":"work/0.0","timeout":1000}`, "a name cannot contain"},
		{"no timeout", `{"op":"get","service":"oauthd","name":"work"}`, "no timeout"},
		{"no time", `{"op":"get","service":"oauthd","name":"work","timeout":0}`, "no timeout"},
		{"time before", `{"op":"get","service":"oauthd","name":"work","timeout":-1}`, "no timeout"},
		{"too large", `{"op":"put","service":"oauthd","name":"work","timeout":1000,"value":` + large + `}`, "too large"},
		{"endless", `{"op":"` + strings.Repeat("a", maxMessage), "not JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stdout bytes.Buffer
			err := RunChild(strings.NewReader(test.stdin), &stdout)
			if !strings.Contains(fmt.Sprint(err), test.want) || stdout.Len() != 0 {
				t.Errorf("got error %v and %d bytes of output, want %q and none", err, stdout.Len(), test.want)
			}
			if strings.Contains(fmt.Sprint(err), "hunter2") {
				t.Error("the error quotes the request")
			}
		})
	}
}

type panicking struct{ items }

func (panicking) get(string) (string, error) {
	var none *panicking
	return none.items.get("")
}

type panickingWith struct {
	items
	value any
}

func (p panickingWith) get(string) (string, error) { panic(p.value) }

// What a library panics with may be anything, a secret too, unless it is the runtime's own error.
func TestPerformQuotesNoPanic(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{"hunter2", "of an unnamed kind"},
		{errors.New("hunter2"), "of an unnamed kind"},
	} {
		err := perform(panickingWith{value: tt.value}, request{Op: opGet, Name: "work"}).err()
		if !errors.Is(err, ErrUnavailable) || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%T: got %v, want %v %q", tt.value, err, ErrUnavailable, tt.want)
		}
	}
	if err := perform(panicking{}, request{Op: opGet, Name: "work"}).err(); !strings.Contains(fmt.Sprint(err), "nil pointer") {
		t.Errorf("got %v, want the runtime's error", err)
	}
}

func TestPerform(t *testing.T) {
	f := newFake()
	f.fail = map[string]error{"set full": ErrFull, "remove locked": ErrLocked}
	for _, step := range []struct {
		req  request
		want answer
	}{
		{request{Op: opGet, Name: "work"}, answer{Error: ErrNotFound.Error(), Kind: "not_found"}},
		{request{Op: opPut, Name: "work", Value: []byte("a")}, answer{}},
		{request{Op: opGet, Name: "work"}, answer{Value: []byte("a")}},
		{request{Op: opDelete, Name: "work"}, answer{}},
		{request{Op: opGet, Name: "work"}, answer{Error: ErrNotFound.Error(), Kind: "not_found"}},
		{request{Op: opPut, Name: "full", Value: []byte("a")}, answer{Error: ErrFull.Error(), Kind: "full"}},
		{request{Op: opDelete, Name: "locked"}, answer{Error: ErrLocked.Error(), Kind: "locked"}},
	} {
		if got := perform(f, step.req); string(got.Value) != string(step.want.Value) || got.Error != step.want.Error || got.Kind != step.want.Kind {
			t.Errorf("%s: got error %q, kind %q, want %q, %q", step.req.Op, got.Error, got.Kind, step.want.Error, step.want.Kind)
		}
	}
}

func TestLargestRequest(t *testing.T) {
	text, err := json.Marshal(request{Op: opPut, Name: "work", Value: make([]byte, 72_000), Timeout: 1})
	if err != nil {
		t.Fatal(err)
	}
	if req, err := readRequest(bytes.NewReader(text)); err != nil || len(req.Value) != 72_000 {
		t.Errorf("got %d bytes, %v, want 72,000", len(req.Value), err)
	}
}

func TestPerformRecovers(t *testing.T) {
	for _, op := range []string{opGet, opPut} {
		err := perform(panicking{}, request{Op: op, Name: "work"}).err()
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("%s: got %v, want %v that reports a panic", op, err, ErrUnavailable)
		}
	}
}

func TestClassify(t *testing.T) {
	tests := []struct {
		name      string
		err, want error
	}{
		{"nil", nil, nil},
		{"absent", keyring.ErrNotFound, ErrNotFound},
		{"too big", keyring.ErrSetDataTooBig, ErrFull},
		{"locked", errors.New("failed to unlock correct collection '/org/freedesktop/secrets/aliases/default'"), ErrLocked},
		{"EOF", io.EOF, ErrUnavailable},
		{"nothing listens", &net.OpError{Op: "dial", Err: io.EOF}, ErrNoBus},
		{"a broken pipe", &net.OpError{Op: "write", Err: io.EOF}, ErrUnavailable},
		{"unsupported platform", keyring.ErrUnsupportedPlatform, ErrUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := classify(test.err)
			if !errors.Is(got, test.want) || test.want == ErrUnavailable && errors.Is(got, ErrNoBus) {
				t.Fatalf("got %v, want %v", got, test.want)
			}
			over := answerOf(nil, got).err()
			if !errors.Is(over, test.want) || fmt.Sprint(over) != fmt.Sprint(got) {
				t.Errorf("on the other side of the pipe: got %v, want %v", over, got)
			}
		})
	}
}

func TestAnswerOfUnknownKind(t *testing.T) {
	if err := (answer{Error: "odd", Kind: "new"}).err(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want %v", err, ErrUnavailable)
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(`{"op":"put","service":"oauthd","name":"work","value":"AAEC","timeout":3000000000}`))
	f.Add([]byte(`{"op":"get","name":"a:b"}`))
	f.Fuzz(func(t *testing.T, stdin []byte) {
		req, err := readRequest(bytes.NewReader(stdin))
		if err == nil && (checkName(req.Name) != nil || req.Timeout < time.Nanosecond || len(req.Value) > maxBytes) {
			t.Errorf("accepted op %q, name %q, timeout %v", req.Op, req.Name, req.Timeout)
		}
	})
}
