package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"oauthd/ipc/api"
)

// Codes of JSON-RPC errors (JSON-RPC 2.0 §5.1).
const (
	parseError    = -32700
	internalError = -32603
)

// envelope is what the transport needs to know about a message.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string          `json:"name"`
		URI       string          `json:"uri"`
		RequestID json.RawMessage `json:"requestId"`
		Meta      struct {
			Version string `json:"io.modelcontextprotocol/protocolVersion"`
		} `json:"_meta"`
	} `json:"params"`
	Result struct {
		Version string `json:"protocolVersion"`
	} `json:"result"`
}

// request reports whether an answer is due.
func (e envelope) request() bool { return e.Method != "" && len(e.ID) > 0 && string(e.ID) != "null" }

// message is a line, with what it holds: one message, or several in a batch.
type message struct {
	line  []byte
	parts []envelope
}

// parse reads a line. Members of types that the transport does not expect are not its concern.
func parse(line []byte) (message, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, line); err != nil {
		return message{}, err
	}
	m := message{line: compact.Bytes()}
	var elements []json.RawMessage
	switch m.line[0] {
	case '{':
		elements = []json.RawMessage{m.line}
	case '[':
		if err := json.Unmarshal(m.line, &elements); err != nil {
			return message{}, err
		}
	default:
		return message{}, errors.New("it is neither an object nor an array")
	}
	for _, element := range elements {
		var e envelope
		var odd *json.UnmarshalTypeError
		if err := json.Unmarshal(element, &e); err != nil && !errors.As(err, &odd) {
			return message{}, err
		}
		m.parts = append(m.parts, e)
	}
	return m, nil
}

// requests returns the ids of the requests in m.
func (m message) requests() map[string]bool {
	ids := map[string]bool{}
	for _, e := range m.parts {
		if e.request() {
			ids[string(e.ID)] = true
		}
	}
	return ids
}

// is reports whether m is one message of that method.
func (m message) is(method string) bool { return len(m.parts) == 1 && m.parts[0].Method == method }

// call is a message of the client that is under way. waits belongs to the goroutine that sends it.
type call struct {
	message
	cancel    context.CancelFunc
	waits     map[string]bool // the ids of the requests that are not answered yet
	withdrawn bool            // guarded by conversation.mu
}

// answered notes what a message of the server answers.
func (k *call) answered(m message) {
	for _, e := range m.parts {
		if e.Method == "" {
			delete(k.waits, string(e.ID))
		}
	}
}

// begin makes k known to those that may withdraw it.
func (c *conversation) begin(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range k.waits {
		c.open[id] = k
	}
}

func (c *conversation) end(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, other := range c.open {
		if other == k {
			delete(c.open, id)
		}
	}
}

// withdraw ends the requests that the client has cancelled: no answer to them is expected any more.
func (c *conversation) withdraw(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range m.parts {
		if k := c.open[string(e.Params.RequestID)]; e.Method == "notifications/cancelled" && k != nil && len(k.parts) == 1 {
			k.withdrawn = true
			k.cancel()
		}
	}
}

func (c *conversation) isWithdrawn(k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.withdrawn
}

// refusal is the answer to a request that failed on its way; the id of a line that cannot be read is null.
func refusal(id json.RawMessage, code int, e *api.Error) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	type data struct {
		Code api.Code `json:"code"`
		Hint string   `json:"hint,omitempty"`
	}
	type failure struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    data   `json:"data"`
	}
	line, err := json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   failure         `json:"error"`
	}{"2.0", id, failure{code, "oauthd: " + e.Line(), data{e.Code, api.Lines(e.Hint)}}})
	if err != nil {
		panic(err) // nothing in it can fail
	}
	return line
}
