package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"oauthd/cmd/oauthd/process"
	"oauthd/ipc/api"
	"oauthd/ipc/client"
	"oauthd/ipc/emulate"
	"oauthd/ipc/proxy"

	"github.com/spf13/pflag"
)

// emulations are all of them: to add one, add a row.
func emulations() []*emulation {
	return []*emulation{
		{flag: "aws", usage: "have AWS' libraries use a role for account `NAME`; see --role", protocol: &aws{}},
		{flag: "azure", usage: "serve Azure's libraries tokens of account `NAME`", protocol: &azure{}},
		{flag: "google", usage: "serve Google's libraries and gcloud tokens of account `NAME`", protocol: &google{}},
	}
}

// served is what the process that serves is sent about one emulation.
type served struct {
	Flag     string          `json:"flag"`
	Place    endpoint        `json:"place"`
	Protocol json.RawMessage `json:"protocol"`
}

// read returns the protocol that is to be served; lines are for what it logs.
func (s served) read(lines io.Writer) (protocol, error) {
	var p protocol = &injecting{lines: lines}
	if s.Flag != proxyFlag {
		rows := emulations()
		at := slices.IndexFunc(rows, func(e *emulation) bool { return e.flag == s.Flag })
		if at < 0 {
			return nil, fmt.Errorf("unknown emulation %q", s.Flag)
		}
		p = rows[at].protocol
	}
	return p, json.Unmarshal(s.Protocol, p)
}

// addEmulations adds the flags of all emulations.
func addEmulations(flags *pflag.FlagSet) []*emulation {
	all := emulations()
	for _, e := range all {
		flags.StringVar(&e.account, e.flag, "", e.usage)
		e.flags(flags)
	}
	return all
}

// askedFor returns the emulations that were asked for.
func askedFor(all []*emulation) ([]*emulation, error) {
	all = slices.DeleteFunc(slices.Clone(all), func(e *emulation) bool { return e.account == "" })
	for _, e := range all {
		if err := api.CheckAccountName(e.account); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// prepareEmulations sees to it that each has a token to give.
func prepareEmulations(ctx context.Context, std stdio, c *client.Client, f *tokenFlags, all []*emulation) error {
	for _, e := range all {
		asked := *f
		asked.request.URL = e.url
		if _, err := asked.token(ctx, std, c, e.account); err != nil {
			return err
		}
		if err := e.prepare(ctx, std, c, &asked, e.account); err != nil {
			return err
		}
	}
	return nil
}

// site is the emulations of one CMD, with what they are served from.
type site struct {
	list      []served
	listeners []*net.TCPListener
	dirs      []*emulationDir
}

// newSite makes a place for each emulation, and returns what CMD's environment gets.
func newSite(ctx context.Context, all []*emulation) (s *site, changes []string, err error) {
	s = &site{}
	defer func() {
		if err != nil {
			s.remove()
		}
	}()
	for _, e := range all {
		var at endpoint
		if e.serves() {
			if at, err = s.addPlace(ctx); err != nil {
				return s, nil, emulationProblem(err)
			}
		}
		more, err := e.environment(at)
		if err != nil {
			return s, nil, err
		}
		changes = append(changes, more...)
		if !e.serves() {
			continue
		}
		fields, err := json.Marshal(e.protocol)
		if err != nil {
			return s, nil, err
		}
		s.list = append(s.list, served{e.flag, at, fields})
	}
	return s, changes, nil
}

// startEmulations serves them, and returns environ with what CMD needs for it.
func startEmulations(ctx context.Context, std stdio, all []*emulation, environ []string) (env []string, end func(), err error) {
	s, changes, err := newSite(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	if len(s.list) == 0 {
		return withChanges(environ, changes), func() {}, nil
	}
	if end, err = s.start(ctx, std); err != nil {
		return nil, nil, emulationProblem(err)
	}
	changes = append(changes, process.Emulated+"="+strings.Join(variableNames(changes), ","))
	return withChanges(withChanges(environ, unproxied(environ)), changes), end, nil
}

// variableNames returns the names of the variables that changes set.
func variableNames(changes []string) (all []string) {
	for _, change := range changes {
		if name, _, sets := strings.Cut(change, "="); sets && name != "PATH" {
			all = append(all, name)
		}
	}
	return all
}

func (s *site) addPlace(ctx context.Context) (endpoint, error) {
	dir, err := makeEmulationDir(client.DefaultEnvironment())
	if err != nil {
		return endpoint{}, err
	}
	s.dirs = append(s.dirs, dir)
	l, err := emulate.Listen(ctx)
	if err != nil {
		return endpoint{}, err
	}
	s.listeners = append(s.listeners, l)
	var secret [32]byte
	_, _ = rand.Read(secret[:])
	return endpoint{
		Address: l.Addr().String(), Secret: hex.EncodeToString(secret[:]), Checked: emulate.Checks(), Dir: dir.path(),
	}, nil
}

// remove ends the places.
func (s *site) remove() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, d := range s.dirs {
		d.remove()
	}
}

// serveEmulations answers CMD until ctx ends; it calls ready before it begins.
func serveEmulations(ctx context.Context, errs io.Writer, list []served, listeners []net.Listener, ready func()) error {
	c := unattended()
	defer c.Close()
	var handlers []http.Handler
	for _, one := range list {
		p, err := one.read(errs)
		if err != nil {
			return err
		}
		handlers = append(handlers, p.handler(one.Place, c, complaints(errs)))
	}
	rest := process.NewRest()
	go rest.Run(ctx, nil)
	ready()
	var serving sync.WaitGroup
	for i, h := range handlers {
		serving.Go(func() { _ = emulate.Serve(ctx, listeners[i], list[i].Place.Checked, rest.Handler(h)) })
	}
	serving.Wait()
	for _, h := range handlers {
		if p, ok := h.(*proxy.Proxy); ok {
			settle(p)
		}
	}
	return nil
}

// complaints returns a function that prints errors: each kind once, until all was well in between.
func complaints(w io.Writer) func(error) {
	var mu sync.Mutex // guards last
	var last api.Code
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			last = ""
			return
		}
		e := api.AsError(err)
		if e.Code != last {
			report(w, e)
		}
		last = e.Code
	}
}

// withChanges returns environ with the changes made that an emulation returned.
func withChanges(environ, changes []string) []string {
	for _, change := range changes {
		name, _, sets := strings.Cut(change, "=")
		environ = slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
		if sets {
			environ = append(environ, change)
		}
	}
	return environ
}

// unproxied returns the changes by which CMD reaches loopback itself if it reaches everything else by a proxy: not every
// library knows that a proxy has a loopback of its own.
func unproxied(environ []string) (changes []string) {
	set := map[string]string{}
	proxied := false
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		set[name] = value
		proxied = proxied || value != "" && strings.HasSuffix(strings.ToLower(name), "_proxy") && !strings.EqualFold(name, "no_proxy")
	}
	if !proxied {
		return nil
	}
	const loopback = "127.0.0.1"
	_, lower := set["no_proxy"]
	_, upper := set["NO_PROXY"]
	for _, name := range []string{"no_proxy", "NO_PROXY"} {
		list, ok := set[name]
		switch {
		case !lower && !upper, ok && list == "":
			changes = append(changes, name+"="+loopback)
		case ok && list != "*" && !slices.Contains(strings.Split(list, ","), loopback):
			changes = append(changes, name+"="+list+","+loopback)
		}
	}
	return changes
}
