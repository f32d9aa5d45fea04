package main

// serveOptions are the flags of serve. The hidden ones are how a client that starts a daemon talks to it.
type serveOptions struct {
	logLevel  string
	startedBy string
	logFile   string
	readyFD   uint

	listenFD, oidcListenFD uint
	heldFDs                []uint
}
