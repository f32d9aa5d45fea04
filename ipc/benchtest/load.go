package benchtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	clients = 64  // at once
	each    = 512 // requests of one of them in one turn: enough that one that gets no turn is seen to wait
)

// load is the order to a client: whom it asks, how, and how often.
type load struct {
	Ours, Bare             string
	Protocol, Request, Way string
	N                      int
}

// report is what the client has measured.
type report struct{ Ours, Bare figures }

type figures struct {
	Median    time.Duration // of one answer
	Slowest   time.Duration // answer
	PerSecond float64       // answers, in the median turn; of 64 clients alone
}

// server is one of the two that are asked.
type server struct {
	load
	path  string
	times []time.Duration // of answers
	turns []time.Duration // of 64 clients
}

func runLoad(order string) error {
	var o load
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return err
	}
	ours, bare := &server{load: o, path: o.Ours}, &server{load: o, path: o.Bare}
	ways := map[string]func(*server) (turn func() error, err error){
		"kept": (*server).kept, "new": (*server).anew, "64": (*server).crowd,
	}
	way, ok := ways[o.Way]
	if !ok {
		return fmt.Errorf("benchtest: there is no way %q", o.Way)
	}
	var turns []func() error
	for _, s := range []*server{bare, ours} {
		turn, err := way(s)
		if err != nil {
			return err
		}
		turns = append(turns, turn)
	}
	for range o.N {
		for _, turn := range turns {
			if err := turn(); err != nil {
				return err
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(report{Ours: ours.figures(), Bare: bare.figures()})
}

func (s *server) figures() figures {
	slices.Sort(s.times)
	slices.Sort(s.turns)
	f := figures{Median: s.times[len(s.times)/2], Slowest: s.times[len(s.times)-1]}
	if len(s.turns) > 0 {
		f.PerSecond = clients * each / s.turns[len(s.turns)/2].Seconds()
	}
	return f
}

// caller is one connection.
type caller struct {
	*server
	conn net.Conn
	in   *bufio.Reader
}

func (s *server) dial(in *bufio.Reader) (caller, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.path, Net: "unix"})
	if err != nil {
		return caller{}, err
	}
	in.Reset(c)
	return caller{s, c, in}, nil
}

func (c caller) ask() error {
	if _, err := c.conn.Write([]byte(c.Request)); err != nil {
		return err
	}
	_, err := readAnswer(c.in, c.Protocol)
	return err
}

// kept asks over one connection, a few times a turn, so that both servers are as awake as each other.
func (s *server) kept() (func() error, error) {
	const few = 8
	c, err := s.dial(bufio.NewReader(nil))
	return func() error {
		for range few {
			began := time.Now()
			if err := c.ask(); err != nil {
				return err
			}
			s.times = append(s.times, time.Since(began))
		}
		return nil
	}, err
}

// anew asks over a new connection each time.
func (s *server) anew() (func() error, error) {
	in := bufio.NewReader(nil)
	return func() error {
		began := time.Now()
		c, err := s.dial(in)
		if err != nil {
			return err
		}
		defer c.conn.Close()
		if err := c.ask(); err != nil {
			return err
		}
		s.times = append(s.times, time.Since(began))
		return nil
	}, nil
}

// crowd asks over 64 connections at once.
func (s *server) crowd() (func() error, error) {
	var callers [clients]caller
	for i := range callers {
		c, err := s.dial(bufio.NewReader(nil))
		if err != nil {
			return nil, err
		}
		callers[i] = c
	}
	return func() error {
		var wg sync.WaitGroup
		var times [clients][each]time.Duration
		var errs [clients]error
		began := time.Now()
		for i, c := range callers {
			wg.Go(func() {
				for n := range each {
					asked := time.Now()
					if errs[i] = c.ask(); errs[i] != nil {
						return
					}
					times[i][n] = time.Since(asked)
				}
			})
		}
		wg.Wait()
		s.turns = append(s.turns, time.Since(began))
		for i := range times {
			s.times = append(s.times, times[i][:]...)
		}
		return errors.Join(errs[:]...)
	}, nil
}

// readAnswer reads one answer and returns its body, valid until the next read.
func readAnswer(in *bufio.Reader, protocol string) ([]byte, error) {
	if protocol != "http" {
		line, err := in.ReadSlice('\n')
		if err == nil && !bytes.HasPrefix(line, []byte(`{"access_token"`)) {
			err = errors.New("benchtest: the answer is no token")
		}
		return line, err
	}
	// By hand: what net/http's client costs would hide the servers' difference.
	status, err := in.ReadSlice('\n')
	if err != nil || !bytes.Contains(status, []byte(" 200 ")) {
		return nil, fmt.Errorf("benchtest: the answer is no token: %w", err)
	}
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return nil, err
			}
		}
	}
	body, err := in.Peek(length)
	if err == nil {
		_, err = in.Discard(length)
	}
	return body, err
}
