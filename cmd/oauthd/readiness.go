package main

import (
	"encoding/json"
	"os"
	"sync"

	"oauthd/ipc/api"
)

// readiness is the one line that a daemon writes for the client that started it.
type readiness struct {
	Socket string     `json:"socket,omitempty"`
	Error  *api.Error `json:"error,omitempty"`
}

// announce returns a function that shows readiness, or why there will be none, on fd; only its first call counts.
func announce(fd uint) func(api.Status, error) {
	if fd == 0 {
		return func(api.Status, error) {}
	}
	return announceTo(os.NewFile(uintptr(fd), "ready"))
}

// announceTo is announce for a pipe.
func announceTo(pipe *os.File) func(api.Status, error) {
	var once sync.Once
	return func(s api.Status, err error) {
		once.Do(func() {
			_ = json.NewEncoder(pipe).Encode(readiness{Socket: s.Socket, Error: api.AsError(err)})
			_ = pipe.Close()
		})
	}
}
