// Package quick is the fast lane for `oauthd token NAME`, for `oauthd exec -e VAR=NAME -- CMD`, and for git, which runs
// `git-credential-oauthd get`. A program that imports it answers these command lines while it is still being initialised, and exits or becomes CMD. For every other
// command line, and at the first surprise, the package does nothing and the program goes its usual way.
//
// # Why it works in init
//
// Elsewhere in oauthd init functions do no work; this is the one exception. Half the time of a whole `oauthd token NAME`
// used to be spent on initialising packages that it does not need. Go initialises the packages that are ready in the
// order of their import paths (language specification, "Program initialization"), so a package that imports only syscall,
// and whose path sorts before "os", comes before os, net, crypto and everything that needs them. That is also why this
// package may import nothing else; tests watch both the imports and the order.
//
// # What it promises
//
// It never does what the usual path would not do. It looks for the socket in the same place as package client, sends
// nothing unless the directory and the socket are those of the expected user with the modes that the daemon gives them,
// and the kernel says that this user runs the server. It prints the same bytes, or becomes the same program with the same
// environment. A test runs both over one table of environments.
//
// It has written nothing when it gives up, and it gives up on: any other argument, name of the program or OAUTHD_
// variable; a path that is not plain; a socket that is missing, which includes one that only the lock file knows; an
// error as the answer; an answer that does not come at once, or not in one piece. So signals, messages, exit statuses,
// starting a daemon and waiting for a person remain with the usual path. Only a signal that comes within the tenth of a
// second for which it waits ends the program by the signal's default action, as any signal does that comes before main.
//
// It works on Linux. On macOS, syscall offers neither the arguments of the process nor the peer's uid except by raw
// system calls, which Apple does not promise to keep; Windows has no such socket. There the package is empty.
package quick
