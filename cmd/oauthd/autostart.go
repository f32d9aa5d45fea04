package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"oauthd/cmd/oauthd/process"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/own"
)

// startDaemon starts a daemon that outlives this command, and returns when it listens. An installed service starts it in a
// place of its own, outside this terminal's; otherwise it is a child. If the service cannot, the child says why. The child gets nothing of ours
// but what it needs: no descriptors, so that $(oauthd token work) does not wait for it, and no stray variables.
func startDaemon(ctx context.Context) error {
	if startInstalled(ctx, client.DefaultEnvironment()) {
		return nil
	}
	self := programPath()
	if self == "" {
		return startProblem(errors.New("oauthd does not find its own program"))
	}
	log, logFile, err := openDaemonLog(client.DefaultEnvironment())
	if err != nil {
		return startProblem(err)
	}
	defer log.Close()
	ready, tell, err := os.Pipe()
	if err != nil {
		return startProblem(err)
	}
	defer ready.Close()
	defer tell.Close()

	cmd := exec.Command(self, "serve", "--started-by", "auto", "--log-file", logFile)
	cmd.Dir = process.RootDir()
	cmd.Env, _ = process.Overwriting(process.Environ(os.Environ()))
	cmd.Stdout, cmd.Stderr = log.file, log.file // what the runtime itself may say
	cmd.SysProcAttr = process.OwnSession()
	fd, err := process.HandOver(cmd, tell)
	if err != nil {
		return startProblem(err)
	}
	cmd.Args = append(cmd.Args, "--ready-fd", strconv.FormatUint(uint64(fd), 10))
	defer process.CloseOnExec()()
	if err := cmd.Start(); err != nil {
		return startProblem(err)
	}
	_ = tell.Close()
	told := make(chan error, 1)
	go func() { told <- readReadiness(ready, logFile) }()
	select {
	case err = <-told:
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return ctx.Err()
	}
	if err != nil {
		_ = cmd.Wait() // it is on its way out
		return err
	}
	return cmd.Process.Release()
}

// openDaemonLog opens the log of a daemon that a client starts: in the state directory, or beside the socket if that
// cannot be written to, as in a container whose home is read-only.
func openDaemonLog(env api.Environment) (log *cappedFile, path string, err error) {
	const name = "daemon.log"
	state, err := env.StateDir()
	if err == nil {
		path = filepath.Join(state, name)
		if log, err = openCapped(path); err == nil {
			return log, path, nil
		}
	}
	socket := env.SocketPath()
	dir, other := own.SocketDir(socket)
	if other != nil {
		return nil, "", err
	}
	defer dir.Close()
	path = dir.Path(name)
	log, other = openCapped(path)
	if other != nil {
		return nil, "", err
	}
	return log, path, nil
}

// readReadiness returns the daemon's own error when it has one. A daemon that lost the race against another one is as
// good as started.
func readReadiness(r io.Reader, logFile string) error {
	line, err := bufio.NewReader(r).ReadBytes('\n')
	var told readiness
	if err != nil || json.Unmarshal(line, &told) != nil {
		return &api.Error{Code: api.NoDaemon, Message: "the daemon ended before it was ready", Hint: "see " + logFile}
	}
	if told.Error != nil && told.Error.Code != api.AlreadyRunning {
		return told.Error
	}
	return nil
}

func startProblem(err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return err
	}
	p := &api.Error{Code: api.NoDaemon, Message: "no daemon could be started: " + api.Excerpt(err.Error()), Hint: "oauthd serve runs one in the foreground"}
	return p.Because(err)
}
