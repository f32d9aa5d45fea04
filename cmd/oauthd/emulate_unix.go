//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
	"oauthd/ipc/peer"
)

// start has a process of our own serve the site for as long as this process lives, whatever program it becomes. That one
// is no child of ours: the program would get the status of a child that it never started. It has a session of its own,
// so that the terminal's signals are the program's, and of our descriptors it has standard error alone.
func (s *site) start(_ context.Context, std stdio) (end func(), err error) {
	defer func() {
		if err != nil {
			s.remove()
		} else {
			s.release()
		}
	}()
	var files []*os.File
	for i, l := range s.listeners {
		f, err := l.File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		files = append(files, f, s.dirs[i].lock)
	}
	return func() {}, launch(std, servingOrder{os.Getpid(), s.list}, files)
}

// launch starts the process that serves, and returns when it does.
func launch(std stdio, order servingOrder, files []*os.File) error {
	text, err := json.Marshal(order)
	if err != nil {
		return err
	}
	ready, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	defer tell.Close()
	in, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	defer write.Close()
	cmd := servingCommand(startServing, append([]*os.File{tell}, files...), order.PID)
	cmd.Stdin, cmd.Stderr = in, screen.Raw(std.err)
	cmd.Env = process.Environ(os.Environ())
	if socket := os.Getenv("OAUTHD_SOCK"); socket != "" && !filepath.IsAbs(socket) {
		if socket, err = filepath.Abs(socket); err != nil {
			return err
		}
		cmd.Env = withChanges(cmd.Env, []string{"OAUTHD_SOCK=" + socket}) // its working directory is another one
	}
	undo := process.CloseOnExec()
	err = cmd.Start()
	undo()
	if err != nil {
		return err
	}
	_, _ = in.Close(), tell.Close()
	_, writing := write.Write(text)
	_ = write.Close()
	line, err := bufio.NewReader(ready).ReadBytes('\n')
	_ = cmd.Wait()
	var told readiness
	switch {
	case err != nil || json.Unmarshal(line, &told) != nil:
		return errors.Join(errors.New("the process that serves has ended"), writing)
	case told.Error != nil:
		return told.Error
	}
	return nil
}

// The steps of [serveDetached].
const (
	startServing = "start"
	keepServing  = "serve"
)

// servingOrder is what the process that serves reads from its standard input.
type servingOrder struct {
	PID  int      `json:"pid"` // serves for as long as this process lives
	List []served `json:"list"`
}

// servingCommand returns the command that runs a step of [serveDetached], with the files that it gets. The process that is
// served is its last argument, where the daemon reads for which program it asks (package peer).
func servingCommand(step string, files []*os.File, pid int) *exec.Cmd {
	cmd := exec.Command(programPath(), emulationServer, step, strconv.Itoa(len(files)), strconv.Itoa(pid))
	cmd.Dir = process.RootDir()
	cmd.ExtraFiles = files
	cmd.SysProcAttr = process.OwnSession()
	return cmd
}

// serveDetached is what the process that serves does, in two steps: the first one starts the second, and ends, so that
// nobody is its parent.
func serveDetached(ctx context.Context, std stdio, step string, count, pid int) error {
	files := make([]*os.File, count)
	for i := range files {
		if files[i] = process.Inherited(uint(3 + i)); files[i] == nil {
			return fmt.Errorf("descriptor %d is missing", 3+i)
		}
	}
	if step == startServing {
		cmd := servingCommand(keepServing, files, pid)
		cmd.Stdin, cmd.Stderr = std.in, screen.Raw(std.err)
		return cmd.Start()
	}
	signal.Ignore(syscall.SIGPIPE) // whoever reads standard error may end before CMD does
	tell := announceTo(files[0])
	var order servingOrder
	if err := json.NewDecoder(std.in).Decode(&order); err != nil {
		return err
	}
	return serveFor(ctx, std, order, files[1:], tell)
}

// serveFor serves until the process that order names has ended. Each emulation has two files: its listener, and the lock
// of its directory.
func serveFor(ctx context.Context, std stdio, order servingOrder, files []*os.File, tell func(api.Status, error)) error {
	if len(files) != 2*len(order.List) {
		return fmt.Errorf("%d files for %d emulations", len(files), len(order.List))
	}
	program, err := peer.OpenProcess(order.PID)
	if err != nil {
		tell(api.Status{}, emulationProblem(err))
		return err
	}
	defer program.Close()
	var listeners []net.Listener
	for i, one := range order.List {
		l, err := net.FileListener(files[2*i])
		if err != nil {
			return err
		}
		_ = files[2*i].Close()
		listeners = append(listeners, l)
		dir, err := openEmulationDir(one.Place.Dir, files[2*i+1])
		if err != nil {
			return err
		}
		defer dir.remove()
	}
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		program.Wait(serving)
		cancel()
	}()
	return serveEmulations(serving, std.err, order.List, listeners, func() { tell(api.Status{}, nil) })
}

// release ends this process's part in the places, and leaves them to the process that serves.
func (s *site) release() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, d := range s.dirs {
		d.release()
	}
}

// openEmulationDir returns the one at path, of which this process has inherited the lock.
func openEmulationDir(path string, lock *os.File) (*emulationDir, error) {
	parent, err := own.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return &emulationDir{parent, filepath.Base(path), lock}, nil
}
