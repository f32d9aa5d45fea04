package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"oauthd/cmd/oauthd/machine"
	"oauthd/cmd/oauthd/process"
	"oauthd/daemon"
	"oauthd/daemon/account"
	"oauthd/daemon/attend"
	"oauthd/daemon/config"
	"oauthd/daemon/consent"
	"oauthd/daemon/desktop"
	"oauthd/daemon/provider"
	"oauthd/ipc"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/own"
	"oauthd/ipc/peer"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// lives are the daemons that one process is, one after another.
type lives struct {
	again   atomic.Bool // another one follows
	program *programFile
	sockets sockets // what they share
}

// serveOnce runs one daemon to its end.
func serveOnce(ctx context.Context, std stdio, o serveOptions, log zerolog.Logger, life *lives, ready func(api.Status, error)) error {
	env := client.DefaultEnvironment()
	dir, err := env.ConfigDir()
	if err != nil {
		return err
	}
	cfg, err := config.Load(dir)
	var invalid *config.Invalid
	if errors.As(err, &invalid) {
		if in := invalid.In(config.MainFile(dir)); in != nil {
			return &api.Error{Code: api.ConfigInvalid, Message: in.Error(), Hint: "correct the file, then start the daemon again"}
		}
		log.Error().Err(err).Msg("configuration is wrong, going on without these accounts")
	}
	state, err := env.StateDir()
	if err != nil && cfg.Backend != "memory" {
		return err
	}
	if err := checkSocketDir(env); err != nil {
		return err
	}
	store, err := openStore(cfg, state)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	at := doorOf(cfg, store, state, env, log)
	at.passed = life.sockets.own
	at.side = newSideDoor(env.SocketPath(), life.sockets.oidcAgent, log)
	defer func() { life.sockets = sockets{at.passed, at.side.passed} }()
	wait := reloadOnHangup(ctx, std, at.place, log, stop)
	defer wait()
	defer stop()
	resting := process.NewRest()
	providers := provider.NewHTTPClient()
	providers.Transport = resting.Transport(providers.Transport)
	again := func() { life.again.Store(true) }
	at.upgrade = &restarting{program: life.program, again: again, loses: func() bool { return lostByRestart(store) }}
	at.follows = life.again.Load
	return runRested(ctx, daemon.Config{
		Dir:       dir,
		StateDir:  stateDirOf(cfg, state),
		Config:    cfg,
		Store:     store,
		Log:       log,
		HTTP:      providers,
		UID:       os.Getuid(),
		ADC:       adcPlaces(env),
		Again:     again,
		Replaced:  at.side.look,
		Version:   release,
		Socket:    env.SocketPath(),
		StartedBy: o.startedBy,
		Proxied:   proxyHere() != "",
		Desktop:   desktopHere(),
		HookEnv:   process.Environ(os.Environ()),
		AuditDir:  state,
		Consent:   waysToAsk(),
		Terminal:  func(caller api.Evidence) bool { return peer.OtherTerminal(caller.TTY) },
		Wipe:      process.Wipe,
	}, at, resting, ready)
}

// doorOf returns where the daemon of cfg listens, and where else it may if its store would lose something.
func doorOf(cfg *config.Config, store keystore.Store, state string, env api.Environment, log zerolog.Logger) *door {
	at := &door{log: log, socket: env.SocketPath(), lock: lockPath(state, cfg.Backend, env.SocketPath())}
	if cfg.Backend != "keychain" {
		at.loses = func() bool { return losesAtEnd(store) }
		at.others = func() []string { return otherSockets(env) }
		at.locks = func(socket string) (needed, wanted []string) {
			if cfg.Backend != "memory" { // its lock is in state already
				return nil, nil
			}
			needed = []string{lockPath("", cfg.Backend, socket)}
			if state != "" { // where clients look
				wanted = []string{lockPath(state, "", "")}
			}
			return needed, wanted
		}
	}
	return at
}

// desktopHere is the session of the person that the daemon works for; nil if the system has none.
func desktopHere() attend.Desktop {
	if d := sessionDesktop(); d != nil {
		return d
	}
	return nil
}

// waysToAsk are the ways to ask a person whether a caller may use an account.
func waysToAsk() (ways []consent.Way) {
	if d := sessionDesktop(); d != nil {
		ways = append(ways, desktop.Consent{Desktop: d})
	}
	return append(ways, consent.Askpass{Program: os.Getenv("OAUTHD_ASKPASS"), Env: process.Environ(os.Environ())})
}

// sessionDesktop is the person's desktop session; nil if there is none that can be asked.
func sessionDesktop() *desktop.Desktop {
	address, err := keystore.SessionBus(os.Environ(), os.Getuid())
	if err != nil && runtime.GOOS != "darwin" && runtime.GOOS != "windows" {
		return nil
	}
	return &desktop.Desktop{Address: address, Opener: openInSession, Env: process.Environ(os.Environ())}
}

// checkSocketDir makes and proves the directory of the socket, before anything is written there.
func checkSocketDir(env api.Environment) error {
	if err := own.ProveSocket(env.SocketPath()); err != nil {
		return env.SocketProblem(err)
	}
	return nil
}

// adcPlaces is where Google's own tools keep and look for application default credentials. A path that depends on the
// working directory is no place of theirs.
func adcPlaces(env api.Environment) daemon.ADCPlaces {
	dir := env.Getenv("CLOUDSDK_CONFIG")
	if !filepath.IsAbs(dir) {
		dir = ""
		if roaming := env.Getenv("APPDATA"); env.GOOS == "windows" && filepath.IsAbs(roaming) {
			dir = filepath.Join(roaming, "gcloud")
		} else if home, err := env.Home(); err == nil {
			dir = filepath.Join(home, ".config", "gcloud")
		}
	}
	places := daemon.ADCPlaces{Env: env.Getenv("GOOGLE_APPLICATION_CREDENTIALS")}
	if dir != "" {
		places.WellKnown = filepath.Join(dir, "application_default_credentials.json")
	}
	return places
}

// runDaemon is runRested for a process that is not the daemon's own.
func runDaemon(ctx context.Context, cfg daemon.Config, ready func(api.Status, error)) error {
	at := &door{log: cfg.Log, socket: cfg.Socket, lock: lockPath("", cfg.Config.Backend, cfg.Socket)}
	return runRested(ctx, cfg, at, nil, ready)
}

// runRested takes the lock, listens, and lets the socket server and the daemon work until one of them ends. Meanwhile the
// process rests when it can, unless resting is nil.
func runRested(ctx context.Context, cfg daemon.Config, at *door, resting *process.Rest, ready func(api.Status, error)) error {
	if err := at.enter(ctx); err != nil {
		return err
	}
	defer at.leave()
	if cfg.NotOpened = openAtStart(ctx, cfg.Store); cfg.NotOpened != nil {
		cfg.Log.Error().Err(cfg.NotOpened).Msg("the file store stays closed")
	}
	listener, err := at.listener()
	if known := (*api.Error)(nil); errors.As(err, &known) {
		return err
	}
	if err != nil {
		return &api.Error{Code: api.ConfigInvalid, Message: api.Excerpt(err.Error()),
			Hint: "OAUTHD_SOCK or XDG_RUNTIME_DIR choose another place"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone, err := machine.WatchSocket(ctx, cfg.Socket)
	if err != nil {
		return err
	}
	cfg.RuntimeDir, cfg.FileRecord = runtimeDir(cfg.Socket), fileRecord(cfg.Socket)
	var work sync.WaitGroup
	var server *ipc.Server
	cfg.OpenSocket = func(s account.Socket) (func(), error) { return openRestricted(ctx, &work, server, s) }
	d := daemon.New(cfg)
	if at.upgrade != nil {
		at.upgrade.busy = d.Busy
	}
	if at.side != nil {
		at.side.wanted = d.OIDCAgent
	}
	server = ipc.New(ipc.Config{Backend: backendOf(d, at), Log: cfg.Log, UID: cfg.UID, Requested: resting.Disturb})
	cfg.Log.Info().Int("pid", os.Getpid()).Str("socket", cfg.Socket).Str("store", cfg.Config.Backend).
		Str("version", cfg.Version).Msg("listening")

	var serveErr, daemonErr error
	work.Go(func() { serveErr = at.open(ctx, server, listener, gone); cancel() })
	work.Go(func() { daemonErr = d.Run(ctx); cancel() })
	work.Go(func() { at.side.run(ctx, server) })
	work.Go(func() { watchLogind(ctx, d, cfg.Log) })
	work.Go(func() { machine.WatchClock(ctx, d.Resumed) })
	work.Go(func() { resting.Run(ctx, func() { at.restart(ctx, listener, cancel) }) })
	work.Go(func() { sayGoodbye(ctx, at.follows) })
	ready(api.Status{PID: os.Getpid(), Socket: cfg.Socket}, nil)
	work.Wait()
	if daemonErr != nil {
		cfg.Log.Error().Err(daemonErr).Msg("credentials were not saved")
	}
	cfg.Log.Info().Msg("stopped")
	return serveErr
}

// watchLogind passes on what logind reports to the daemon, until ctx ends.
func watchLogind(ctx context.Context, d *daemon.Daemon, log zerolog.Logger) {
	err := machine.WatchLogind(ctx, machine.Logind{
		UID: os.Getuid(), Delay: d.LocksOnSuspend, Suspending: d.Suspending, Resumed: d.Resumed,
		ScreenLocked: d.ScreenLocked, SessionsEnded: d.SessionsEnded,
	})
	if err != nil && ctx.Err() == nil && d.LocksOnSessions() {
		log.Warn().Str("why", api.Excerpt(err.Error())).
			Msg("logind cannot be reached: of [lock] in config.toml, only idle has an effect")
	}
}

// openRestricted serves a restricted socket until stop is called or ctx ends.
func openRestricted(ctx context.Context, work *sync.WaitGroup, server *ipc.Server, s account.Socket) (stop func(), err error) {
	l, err := ipc.ListenRestricted(s.Name, s.UID != os.Getuid())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	work.Go(func() {
		defer cancel()
		_ = server.Restrict(ctx, l, s) // it was closed
	})
	return func() {
		_ = l.Close() // at once, so that another socket can be where it was
		cancel()
	}, nil
}

// backendOf answers all that the socket asks with d, which listens at a door.
func backendOf(d *daemon.Daemon, at *door) ipc.Backend {
	return ipc.Backend{Tokens: d, Proofs: d, Holds: d, Accounts: d, Logins: d, Imports: d, Providers: d, Matches: d, Policies: d, Proxied: d, Sockets: d, Watches: d, Files: d, Locks: d, Stores: d, Control: atDoor{d, at}}
}

// fileRecord is the name of the record of token files, beside the socket; a daemon on another socket has another.
func fileRecord(socket string) string {
	return strings.TrimSuffix(filepath.Base(socket), filepath.Ext(socket)) + ".files"
}
