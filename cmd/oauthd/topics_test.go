package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help runs a command line that prints help.
func help(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if exit := run(t.Context(), args, stdio{strings.NewReader(""), &stdout, &stderr}); exit != 0 || stderr.Len() > 0 {
		t.Fatalf("oauthd %q: got exit %d, stderr %q, want 0 and none", args, exit, &stderr)
	}
	return stdout.String()
}

func TestTopics(t *testing.T) {
	list := help(t, "help")
	files, err := fs.Glob(os.DirFS("help"), "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d topics, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			name, ok := strings.CutSuffix(file, ".md")
			found, known := findTopic(name)
			if !ok || !known || !regexp.MustCompile("^[a-z]+$").MatchString(name) {
				t.Fatalf("help/%s is no topic: its name is to be lower-case letters and .md", file)
			}
			if !strings.HasPrefix(found.text, "# ") || found.about == "" || !strings.HasSuffix(found.text, "\n") {
				t.Error(`the first line has to be "# " and what the topic is about, and the last one has to end`)
			}
			if !strings.Contains(list, "\n  "+name+" ") || !strings.Contains(list, " "+found.about+"\n") {
				t.Errorf("oauthd help does not list it, it prints\n%s", list)
			}
			wantNarrow(t, help(t, "help", name))
			if block := indentedBlock.FindString(fencedBlock.ReplaceAllString(found.text, "")); block != "" {
				t.Errorf("code is to be between lines of ```, not indented: %q", block)
			}
			for _, problem := range commandProblems(markdownCommands(found.text)) {
				t.Error(problem)
			}
		})
	}
}

// fencedBlock is code as the help shows it.
var fencedBlock = regexp.MustCompile("(?ms)^```.*?^```$")

// indentedBlock is code as the help does not show it, line by line.
var indentedBlock = regexp.MustCompile(`(?m)^\n {4}\S.*\n`)

// A topic and a verb of the same name lead to each other.
func TestTopicNamedLikeAVerb(t *testing.T) {
	topic, verb := help(t, "help", "service"), help(t, "service", "--help")
	for _, want := range []string{"\n  oauthd service install ", "\noauthd service --help explains the verb of that name.\n", "\nLinux with systemd\n"} {
		if !strings.Contains("\n"+topic, want) {
			t.Errorf("oauthd help service: got\n%s\nwant %q", topic, want)
		}
	}
	if !strings.Contains(verb, "oauthd help service") || !strings.Contains(verb, "  uninstall ") {
		t.Errorf("oauthd service --help: got\n%s\nwant its verbs, and the topic", verb)
	}
}

// wantNarrow checks that text fits a terminal of 80 columns and has nothing that a terminal could take for more.
func wantNarrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > helpColumns || strings.ContainsAny(line, "\t\r\x1b") {
			t.Errorf("got %d columns, want at most %d and no tabs: %q", utf8.RuneCountInString(line), helpColumns, line)
		}
	}
}

// shellLine is something that a document says can be typed: a whole line, or only a part of one.
type shellLine struct {
	text  string
	whole bool
}

var codeSpan = regexp.MustCompile("`([^`\n]+)`")

// markdownCommands returns the code of a document.
func markdownCommands(text string) (lines []shellLine) {
	code := false
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			code = !code
		case code:
			lines = append(lines, shellLine{strings.TrimPrefix(strings.TrimSpace(line), "$ "), true})
		default:
			for _, span := range codeSpan.FindAllStringSubmatch(line, -1) {
				lines = append(lines, shellLine{span[1], false})
			}
		}
	}
	return lines
}

// commandProblems returns what is wrong with the command lines of oauthd that lines have: no such verb or flag.
func commandProblems(lines []shellLine) (problems []string) {
	for _, line := range lines {
		for _, args := range oauthdCommands(line.text) {
			if err := parses(args, line.whole); err != nil {
				problems = append(problems, "oauthd "+strings.Join(args, " ")+": "+err.Error())
			}
		}
	}
	return problems
}

var placeholder = regexp.MustCompile(`^[\[<…]|^[A-Z]+$`)

// parses reports why oauthd would not take args; only a whole line has all of its arguments.
func parses(args []string, whole bool) error {
	if len(args) == 0 || args[0] == "--version" {
		return nil
	}
	if args[0] == "help" && len(args) > 1 {
		if _, topic := findTopic(args[1]); topic && len(args) == 2 {
			return nil
		}
		args = append(args[1:], "--help")
	}
	if placeholder.MatchString(args[0]) {
		return nil
	}
	root := withAllVerbs(stdio{strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}})
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	err = cmd.ParseFlags(rest)
	var value *pflag.InvalidValueError
	var noValue *pflag.ValueRequiredError
	if err != nil && !(errors.As(err, &value) && placeholder.MatchString(value.GetValue())) && (whole || !errors.As(err, &noValue)) {
		return err
	}
	if asksForHelp, _ := cmd.Flags().GetBool("help"); asksForHelp || !whole {
		return nil
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// columns is what parts a command from a figure or remark beside it.
var columns = regexp.MustCompile(` {3,}`)

// oauthdCommands returns the arguments of every oauthd that a line of shell runs.
func oauthdCommands(line string) (commands [][]string) {
	line = columns.Split(line, 2)[0]
	var args []string
	running, atStart := false, true
	end := func() {
		if running {
			commands = append(commands, args)
		}
		args, running, atStart = nil, false, true
	}
	for _, word := range shellWords(line) {
		switch {
		case word.operator:
			end()
			if word.text == "#" {
				return commands
			}
		case running:
			args = append(args, word.text)
		case atStart && word.text == "oauthd":
			running = true
		case regexp.MustCompile(`^([A-Z_]+=.*|if|then|do|while|!|\{)$`).MatchString(word.text): // what precedes a command
		default:
			atStart = false
		}
	}
	end()
	return commands
}

// shellWord is a word of a line, or what ends a command.
type shellWord struct {
	text     string
	operator bool
}

var shellToken = regexp.MustCompile(`^(?:'[^']*'|"(?:[^"\\$]|\\.|\$[^(])*"|\\.|[^\s'"\\|;&<>()#` + "`" + `$]|[^\s'"\\|;&<>()` + "`" + `$]#|\$[^(])`)

// shellWords parts a line of shell as far as documents go. What is redirected is taken for a command of its own.
func shellWords(line string) (words []shellWord) {
	word, open := "", false
	closeWord := func() {
		if open {
			words = append(words, shellWord{word, false})
		}
		word, open = "", false
	}
	for line != "" {
		if token := shellToken.FindString(line); token != "" {
			word, open = word+strings.Trim(token, `'"`), true
			line = line[len(token):]
			continue
		}
		closeWord()
		if !strings.HasPrefix(line, " ") {
			words = append(words, shellWord{line[:1], true})
		}
		line = line[1:]
	}
	closeWord()
	return words
}

func TestOauthdCommands(t *testing.T) {
	for _, test := range []struct {
		name, line string
		want       []string
	}{
		{"plain", "oauthd token work --scope openid", []string{"token work --scope openid"}},
		{"a pipe", "oauthd token work --format header | curl -H @- https://api.example.com/", []string{"token work --format header"}},
		{"a substitution", `curl -H "Authorization: Bearer $(oauthd token work)" x; oauthd lock # oauthd none`, []string{"token work", "lock"}},
		{"quotes", `oauthd file w p --on-change 'a; oauthd b' && FOO=1 oauthd stop`, []string{"file w p --on-change a; oauthd b", "stop"}},
		{"a program", "oauthd exec -e A=work -- oauthd nonsense", []string{"exec -e A=work -- oauthd nonsense"}},
		{"a table", "oauthd token NAME   1.5 ms", []string{"token NAME"}},
		{"another program", "systemctl --user stop oauthd", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, args := range oauthdCommands(test.line) {
				got = append(got, strings.Join(args, " "))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	for _, wrong := range []string{"oauthd frobnicate", "oauthd token work --colour", "oauthd token", "oauthd help nothing", "oauthd account frob work"} {
		if commandProblems([]shellLine{{wrong, true}}) == nil {
			t.Errorf("%s: got no complaint, want one", wrong)
		}
	}
	for _, right := range []string{"oauthd token NAME --min-ttl D", "oauthd VERB --help", "oauthd help TOPIC", "oauthd help token", "oauthd account --help"} {
		if found := commandProblems([]shellLine{{right, true}}); found != nil {
			t.Errorf("%s: got %q, want no complaint", right, found)
		}
	}
}

// The README's commands and every verb's examples parse too.
func TestCommandsInREADME(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range commandProblems(markdownCommands(string(text))) {
		t.Error("README.md: " + problem)
	}
}

func TestHelpOfEveryVerb(t *testing.T) {
	root := withAllVerbs(stdio{strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}})
	list := help(t, "help")
	wantNarrow(t, list)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		if c.Hidden {
			return
		}
		path := strings.Fields(c.CommandPath())[1:]
		text := help(t, append(path, "--help")...)
		wantNarrow(t, text)
		if again := help(t, append([]string{"help"}, path...)...); again != text && len(path) > 0 {
			if _, topic := findTopic(path[0]); !topic {
				t.Errorf("oauthd help %s: got other help than --help:\n%s", path, again)
			}
		}
		if len(path) == 1 && !strings.Contains(list, "\n  "+path[0]+" ") {
			t.Errorf("oauthd help does not list %s, it prints\n%s", path[0], list)
		}
		for line := range strings.Lines(c.Example) {
			for _, problem := range commandProblems([]shellLine{{strings.TrimSpace(line), true}}) {
				t.Errorf("an example of oauthd %s: %s", path, problem)
			}
		}
	}
	visit(root)
}

func TestHelpNonsense(t *testing.T) {
	for _, test := range []struct {
		args []string
		hint string
	}{
		{[]string{"help", "nonsense"}, "hint: oauthd help lists the verbs and topics\n"},
		{[]string{"help", "tokne"}, "hint: did you mean oauthd help token? "},
		{[]string{"help", "termnal"}, "hint: did you mean oauthd help terminal? "},
		{[]string{"help", "account", "frob"}, "hint: did you mean oauthd help account? "},
	} {
		var stdout, stderr bytes.Buffer
		exit := run(t.Context(), test.args, stdio{strings.NewReader(""), &stdout, &stderr})
		want := `oauthd: there is no help about "` + strings.Join(test.args[1:], " ") + "\"\n" + test.hint
		if exit != 2 || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("oauthd %q: got exit %d, stdout %q, stderr %q, want 2, none, %q", test.args, exit, &stdout, &stderr, want)
		}
	}
}
