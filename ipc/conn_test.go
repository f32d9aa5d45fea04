package ipc

import (
	"bytes"
	"net"
	"testing"
)

// The buffer of a connection still has the last request in it, maybe with a secret, when the next read begins.
func TestReadClearsTheBuffer(t *testing.T) {
	path := socketPath(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := dial(t, path)
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var room arrivals
	var c net.Conn = &conn{Conn: server, arrivals: &room, head: []byte("PO")}
	send(t, client, "ST")
	for range 2 {
		buffer := []byte(`{"client_secret":"fake"}`)
		n, err := c.Read(buffer)
		if err != nil || n != 2 || !bytes.Equal(buffer[n:], make([]byte, len(buffer)-n)) {
			t.Errorf("got %q, %d, %v, want 2 bytes and nothing behind them", buffer, n, err)
		}
	}
}
