package benchtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// bare is the order to a bare server: where it listens, and what it answers.
type bare struct {
	Path, Protocol string
	Answer         []byte
}

// runBare serves until standard input ends, and prints a line once it listens.
func runBare(order string) error {
	var o bare
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return err
	}
	l, err := net.Listen("unix", o.Path)
	if err != nil {
		return err
	}
	if o.Protocol == "http" {
		go serveHTTP(l, o.Answer)
	} else {
		go serveLines(l, o.Answer)
	}
	fmt.Println("listening")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func serveLines(l net.Listener, answer []byte) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in := bufio.NewReaderSize(c, 512)
			for {
				if _, err := in.ReadSlice('\n'); err != nil {
					return
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

func serveHTTP(l net.Listener, answer []byte) {
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
}
