// Package units makes the files by which a system starts the daemon: units of systemd, an agent of launchd, a task of
// Windows, an autostart entry of a desktop. It also writes and removes them, and never touches a file that a person has
// changed. It runs nothing.
package units

import (
	"path/filepath"
	"slices"
	"strings"
)

// Program is what is to be started.
type Program struct {
	// Path is the absolute path of oauthd.
	Path string
	// Environ are the variables, as NAME=value, that the daemon needs and the system would not give it.
	Environ []string
	// Log is the path of the daemon's log, where the system has none of its own.
	Log string
	// User is the person's name as Windows knows it, and UID the number that launchd knows.
	User string
	UID  string
	// OIDCAgent has systemd hold a socket for oidc-agent's clients too.
	OIDCAgent bool
}

// OIDCAgentSocket is the unit of the socket for oidc-agent's clients, and OIDCAgentName the name of its descriptor.
const (
	OIDCAgentSocket = "oauthd-oidc-agent.socket"
	OIDCAgentName   = "oidc-agent"
)

// Places are the directories that the files belong in.
type Places struct {
	Config string // XDG_CONFIG_HOME
	Home   string
	State  string // of oauthd
}

// Manager is one way in which a system starts the daemon.
type Manager struct {
	Name  string
	Files []File
	// Install are the commands that follow the writing of Files, Start those that start the daemon; Stop precede the
	// removal of Files, and Forget follow it. Show prints the state.
	Install, Start, Stop, Forget [][]string
	Show                         []string
	// Note is what a person should know after an installation; "" if there is nothing.
	Note string
}

// File is a file that a manager reads.
type File struct {
	Path string
	Text string
	// comment begins and ends the line that says who wrote it.
	comment [2]string
	// first are the lines that must be before it.
	first int
	utf16 bool
}

// Systemd returns the user units of p: a socket, or two, and the service that systemd starts for their first connection.
//
// The service is hardened by what every systemd since 249 can do without privileges, and by nothing that a person's own
// commands, which the daemon runs, would stumble over. What needs a user namespace (ProtectSystem= and its like) is
// not here, because not every machine has them, and the keychain would see another user.
func Systemd(p Program, at Places) Manager {
	dir := filepath.Join(at.Config, "systemd", "user")
	socket := `[Unit]
Description=Socket of oauthd, ssh-agent for OAuth

[Socket]
ListenStream=%t/oauthd/oauthd.sock
SocketMode=0600
DirectoryMode=0700
# Shows clients that must not start a daemon that a connection would.
Symlinks=%t/oauthd/systemd.sock
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`
	sockets, more := []string{"oauthd.socket"}, ""
	if p.OIDCAgent {
		sockets = append(sockets, OIDCAgentSocket)
		more = "Sockets=" + strings.Join(sockets, " ") + "\n"
	}
	service := `[Unit]
Description=oauthd, ssh-agent for OAuth
Requires=oauthd.socket
After=oauthd.socket

[Service]
Type=notify
` + more + `ExecStart=` + systemdWord(p.Path) + ` serve --started-by systemd
ExecReload=` + systemdWord(p.Path) + ` reload
Restart=on-failure
# What a second attempt would not mend: another daemon, the configuration, the store.
RestartPreventExitStatus=1 2 4 5 8
` + systemdEnvironment(p.Environ) + `UMask=0077
LimitCORE=0
# No secret in the swap space.
MemorySwapMax=0
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM

[Install]
Also=` + strings.Join(sockets, " ") + `
`
	hash := [2]string{"# ", ""}
	user := func(args ...string) []string { return append([]string{"systemctl", "--user"}, args...) }
	all := append(slices.Clone(sockets), "oauthd.service")
	files := []File{
		{Path: filepath.Join(dir, "oauthd.socket"), Text: socket, comment: hash},
		{Path: filepath.Join(dir, "oauthd.service"), Text: service, comment: hash},
	}
	if p.OIDCAgent {
		files = append(files, File{Path: filepath.Join(dir, OIDCAgentSocket), Text: oidcAgentUnit, comment: hash})
	}
	return Manager{
		Name:    "systemd",
		Files:   files,
		Install: [][]string{user("daemon-reload"), user(append([]string{"enable", "--now"}, sockets...)...)},
		Start:   [][]string{user(append([]string{"reset-failed"}, all...)...), user("start", "oauthd.service")},
		Stop:    [][]string{user(append([]string{"disable"}, sockets...)...), user(append([]string{"stop"}, all...)...)},
		Forget:  [][]string{user("daemon-reload")},
		Show:    user("is-active", "oauthd.socket"),
		Note:    "systemd now holds the socket, and starts the daemon when something connects to it",
	}
}

// oidcAgentUnit is the unit of the socket for oidc-agent's clients.
const oidcAgentUnit = `[Unit]
Description=Socket of oauthd for the clients of oidc-agent

[Socket]
ListenStream=%t/oauthd/oidc-agent.sock
FileDescriptorName=` + OIDCAgentName + `
Service=oauthd.service
SocketMode=0600
DirectoryMode=0700
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`

// systemdEnvironment returns the lines for environ (systemd.exec(5)).
func systemdEnvironment(environ []string) string {
	var lines strings.Builder
	for _, entry := range environ {
		lines.WriteString("Environment=" + systemdWord(entry) + "\n")
	}
	return lines.String()
}

// systemdWord quotes a word where systemd splits text into words and replaces specifiers (systemd.syntax(7)).
func systemdWord(word string) string {
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "\n", `\n`).Replace(word)
	return `"` + word + `"`
}

// Launchd returns the agent of p for macOS. launchd starts it at login and again if it fails.
func Launchd(p Program, at Places) Manager {
	const label = "oauthd"
	path := filepath.Join(at.Home, "Library", "LaunchAgents", label+".plist")
	var variables strings.Builder
	for _, entry := range p.Environ {
		name, value, _ := strings.Cut(entry, "=")
		variables.WriteString("\t\t<key>" + xmlText(name) + "</key>\n\t\t<string>" + xmlText(value) + "</string>\n")
	}
	text := `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + label + `</string>
	<key>ProgramArguments</key>
	<array>
		<string>` + xmlText(p.Path) + `</string>
		<string>serve</string>
		<string>--started-by</string>
		<string>launchd</string>
		<string>--log-file</string>
		<string>` + xmlText(p.Log) + `</string>
	</array>
	<key>EnvironmentVariables</key>
	<dict>
` + variables.String() + `	</dict>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>LimitLoadToSessionType</key>
	<string>Aqua</string>
	<key>Umask</key>
	<integer>63</integer>
	<key>HardResourceLimits</key>
	<dict>
		<key>Core</key>
		<integer>0</integer>
	</dict>
</dict>
</plist>
`
	domain := "gui/" + p.UID
	ctl := func(args ...string) []string { return append([]string{"/bin/launchctl"}, args...) }
	return Manager{
		Name:    "launchd",
		Files:   []File{{Path: path, Text: text, comment: [2]string{"<!-- ", " -->"}, first: 2}},
		Install: [][]string{ctl("bootstrap", domain, path)},
		Start:   [][]string{ctl("kickstart", domain+"/"+label)},
		Stop:    [][]string{ctl("bootout", domain+"/"+label)},
		Show:    ctl("print", domain+"/"+label),
		Note:    "launchd starts the daemon now and at every login",
	}
}

// Task returns the task of p for Windows: it starts the daemon when this person logs on, in their session, without a
// window, and needs no administrator.
func Task(p Program, at Places) Manager {
	path := filepath.Join(at.State, "task.xml")
	text := `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>oauthd, ssh-agent for OAuth</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <UserId>` + xmlText(p.User) + `</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>` + xmlText(p.User) + `</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>3</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>conhost.exe</Command>
      <Arguments>` + xmlText(`--headless "`+p.Path+`" serve --started-by task --log-file "`+p.Log+`"`) + `</Arguments>
    </Exec>
  </Actions>
</Task>
`
	tasks := func(args ...string) []string { return append([]string{"schtasks.exe"}, args...) }
	return Manager{
		Name:    "the task scheduler",
		Files:   []File{{Path: path, Text: text, comment: [2]string{"<!-- ", " -->"}, first: 1, utf16: true}},
		Install: [][]string{tasks("/Create", "/F", "/TN", "oauthd", "/XML", path)},
		Start:   [][]string{tasks("/Run", "/TN", "oauthd")},
		Stop:    [][]string{tasks("/End", "/TN", "oauthd"), tasks("/Delete", "/F", "/TN", "oauthd")},
		Show:    tasks("/Query", "/TN", "oauthd"),
		Note:    "the daemon starts whenever you log on",
	}
}

// Autostart returns the entry of p for desktops without systemd (XDG Desktop Application Autostart). Whether they run it
// is up to them, and nothing starts it again.
func Autostart(p Program, at Places) Manager {
	text := `[Desktop Entry]
Type=Application
Name=oauthd
Comment=ssh-agent for OAuth
Exec=` + desktopWord(p.Path) + ` serve --started-by desktop --log-file ` + desktopWord(p.Log) + `
Terminal=false
NoDisplay=true
`
	return Manager{
		Name:  "XDG autostart",
		Files: []File{{Path: filepath.Join(at.Config, "autostart", "oauthd.desktop"), Text: text, comment: [2]string{"# ", ""}}},
		Note:  "your desktop starts the daemon when you log in; until then the first command starts it",
	}
}

// desktopWord quotes a word of an Exec line (Desktop Entry Specification, "The Exec key"), whose value is a string with
// escapes of its own.
func desktopWord(word string) string {
	word = strings.NewReplacer(`"`, `\"`, "`", "\\`", "$", `\$`, `\`, `\\`).Replace(word)
	return `"` + strings.NewReplacer(`\`, `\\`, "%", "%%").Replace(word) + `"`
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
