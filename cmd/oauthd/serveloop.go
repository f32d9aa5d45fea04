package main

import (
	"context"
	"fmt"
	"os"

	"oauthd/cmd/oauthd/process"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

// serve runs the daemon, and another one in its place whenever another store is chosen or the program is replaced; ready
// is called once it listens.
func serve(ctx context.Context, std stdio, o serveOptions, ready func(api.Status, error)) error {
	process.Harden()
	o.startedBy = starter(o, std)
	log, closeLog, err := openLog(std, o)
	if err != nil {
		return err
	}
	defer closeLog()
	life := &lives{program: ownProgram(log)}
	if life.sockets, err = passedSockets(o); err != nil {
		return err
	}
	for {
		life.again.Store(false)
		err := serveOnce(ctx, std, o, log, life, ready)
		if err != nil || !life.again.Load() || ctx.Err() != nil {
			return err
		}
		if !life.program.due.Load() {
			log.Info().Msg("beginning anew with another store")
			continue
		}
		log.Info().Msg("the program has been replaced, beginning anew with it")
		life.program.become(o, life.sockets)
		log.Error().Msg("the new program cannot be started, going on with the old one")
	}
}

func starter(o serveOptions, std stdio) string {
	switch {
	case o.startedBy != "":
		return o.startedBy
	case os.Getenv("INVOCATION_ID") != "": // systemd.exec(5)
		return "systemd"
	case screen.IsTerminal(std.err):
		return "terminal"
	}
	return fmt.Sprintf("pid %d", os.Getppid())
}
