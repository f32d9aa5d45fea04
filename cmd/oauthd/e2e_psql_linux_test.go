//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// database speaks as much of PostgreSQL's protocol as psql needs for one query. It lets in whoever has the newest token of
// the account db as the password, over TLS alone.
type database struct {
	desk   *clientDesk
	config *tls.Config
}

const (
	sslRequest = 80877103
	gssRequest = 80877104
)

func (db *database) serve(conn net.Conn) error {
	defer conn.Close()
	for encrypted := false; ; {
		var head [8]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		switch code := binary.BigEndian.Uint32(head[4:]); {
		case code == gssRequest:
			_, _ = conn.Write([]byte("N"))
		case code == sslRequest:
			_, _ = conn.Write([]byte("S"))
			conn, encrypted = tls.Server(conn, db.config), true
		case !encrypted:
			return errors.New("a start without TLS")
		default:
			if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head[:]))-8); err != nil {
				return err
			}
			return db.session(conn)
		}
	}
}

func (db *database) session(conn net.Conn) error {
	r := bufio.NewReader(conn)
	send(conn, 'R', "\x00\x00\x00\x03") // a password in clear text
	_, password, err := receive(r)
	if err != nil {
		return err
	}
	newest, err := db.desk.client.Token(context.Background(), api.TokenRequest{Account: "db"})
	if err != nil || password != newest.AccessToken+"\x00" {
		send(conn, 'E', "SFATAL\x00C28P01\x00Mnot the newest token\x00\x00")
		return nil
	}
	send(conn, 'R', "\x00\x00\x00\x00")
	for {
		send(conn, 'Z', "I")
		kind, _, err := receive(r)
		if err != nil || kind != 'Q' {
			return err
		}
		send(conn, 'T', "\x00\x01answer\x00"+strings.Repeat("\x00", 6)+"\x00\x00\x00\x19\xff\xff\xff\xff\xff\xff\x00\x00") // one column of text
		send(conn, 'D', "\x00\x01\x00\x00\x00\x06let in")
		send(conn, 'C', "SELECT 1\x00")
	}
}

// send writes a message; what fails shows when the next one is read.
func send(w io.Writer, kind byte, body string) {
	_, _ = w.Write(append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...))
}

func receive(r io.Reader) (kind byte, body string, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, "", err
	}
	text := make([]byte, min(binary.BigEndian.Uint32(head[1:])-4, 1<<16))
	_, err = io.ReadFull(r, text)
	return head[0], string(text), err
}

// newDatabase returns how to reach a database by a connection string.
func newDatabase(t *testing.T, d *clientDesk) string {
	t.Helper()
	certificates := httptest.NewTLSServer(nil) // it has one for example.com
	certificates.Close()
	root := filepath.Join(d.dir, "root.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificates.Certificate().Raw})
	if err := os.WriteFile(root, block, 0o600); err != nil {
		t.Fatal(err)
	}
	db := &database{desk: d, config: &tls.Config{Certificates: certificates.TLS.Certificates}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed at the end of the test
			}
			if err := db.serve(conn); err != nil && !errors.Is(err, io.EOF) {
				t.Errorf("the database: %v", err)
			}
		}
	})
	t.Cleanup(func() { _ = listener.Close(); served.Wait() })
	return fmt.Sprintf("host=example.com hostaddr=127.0.0.1 port=%d sslrootcert=%s", listener.Addr().(*net.TCPAddr).Port, root)
}

// psql, as the page about programs has it. Nothing is started if there is no token.
func TestPostgreSQLRecipe(t *testing.T) {
	storetest.Need(t, "psql", "bash")
	d := newDesktop(t)
	provider := d.login(t, "db")
	command := strings.Replace(commandOf(t, "programs", "oauthd exec -e PGPASSWORD=db -- "), "host=db.example.com", newDatabase(t, d), 1) + " -XAtc 'select 1'"
	psql := func() (exit int, stdout, stderr string) {
		return d.run(t, []string{"OAUTHD_SOCK=" + d.socket()}, "bash", "-c", command)
	}
	for range 2 {
		if exit, stdout, stderr := psql(); exit != 0 || stdout != "let in\n" {
			t.Fatalf("%s: got exit %d, %q, %s", command, exit, stdout, stderr)
		}
		d.replace(t, "db")
	}
	for _, o := range d.obstacles("db", provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, stdout, stderr := psql(); exit == 0 || stdout != "" || !strings.Contains(stderr, o.want) || strings.Contains(stderr, "psql") {
				t.Errorf("got exit %d, %q, %s, want a failure, %q, and no psql", exit, stdout, stderr, o.want)
			}
		})
	}
}
