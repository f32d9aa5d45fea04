package storetest

import (
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// MuteBus returns the address of a bus that accepts connections and never says a word.
func MuteBus(t testing.TB) (address string) {
	t.Helper()
	path := filepath.Join(shortDir(t), "mute-bus")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		var conns []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			conns = append(conns, conn)
		}
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
	})
	return "unix:path=" + path
}
