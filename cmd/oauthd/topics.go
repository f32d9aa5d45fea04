package main

import (
	"embed"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
)

// topicFiles are the pages of help that belong to no verb: help/TOPIC.md. The first line of each is "# " and what it is
// about, which oauthd help lists. There is nothing to register.
//
//go:embed help/*.md
var topicFiles embed.FS

// topic is a page of help.
type topic struct {
	name, about string
	text        string // Markdown
}

// topics returns all pages, by name.
func topics() []topic {
	names, err := fs.Glob(topicFiles, "help/*.md")
	if err != nil {
		return nil // the pattern is right
	}
	var all []topic
	for _, name := range names {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "help/"), ".md")
		if t, ok := findTopic(name); ok {
			all = append(all, t)
		}
	}
	return append(all, topic{name: "clients", about: "tokens from Python, Node and the shell: whole programs", text: "```\n" + clientsPage + "```\n"})
}

// findTopic returns the page of that name.
func findTopic(name string) (topic, bool) {
	text, err := topicFiles.ReadFile("help/" + name + ".md")
	if err != nil {
		return topic{}, false
	}
	about, _, _ := strings.Cut(string(text), "\n")
	return topic{name, strings.TrimPrefix(about, "# "), string(text)}, true
}

// clientsPage is plain text of 80 columns, and a txtar archive whose files a test runs.
//
//go:embed clients.txt
var clientsPage string

// newClientsPage returns a page of help: cobra takes a command that does nothing for one.
func newClientsPage(stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "clients",
		Short: "get tokens from Python, Node and the shell: whole programs",
		Long:  clientsPage,
	}
}
