package ask

import (
	"os"
	"path/filepath"
	"strings"

	"oauthd/ipc/api"
)

// complete is what Tab does to an answer: it adds what all the answers that begin so have in common.
func (q Question) complete(line string, pos int, key rune) (longer string, end int, ok bool) {
	if key != '\t' || pos != len(line) {
		return "", 0, false
	}
	names, fitting := q.Names, []string(nil)
	for _, c := range q.Choices {
		names = append(names, c.Name)
	}
	for _, name := range names {
		if strings.HasPrefix(name, line) {
			fitting = append(fitting, name)
		}
	}
	if q.Files {
		fitting = append(fitting, filesLike(line)...)
	}
	longer = common(fitting)
	return longer, len(longer), len(longer) > len(line)
}

// filesLike returns the paths that begin with prefix, as it is written; directories end in a separator.
func filesLike(prefix string) (paths []string) {
	dir, begin := filepath.Split(prefix)
	looked := fromHome(dir)
	if looked == "" {
		looked = "."
	}
	entries, err := os.ReadDir(looked)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		name := entry.Name()
		hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(begin, ".")
		if hidden || !strings.HasPrefix(name, begin) || api.Printable(name) != name {
			continue
		}
		if info, err := os.Stat(filepath.Join(looked, name)); err == nil && info.IsDir() {
			name += string(filepath.Separator)
		}
		paths = append(paths, dir+name)
	}
	return paths
}

// fromHome writes out a path that begins with ~/, which a shell would have done.
func fromHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if home, err := os.UserHomeDir(); ok && err == nil {
		return home + "/" + rest
	}
	return path
}

// common returns the longest text with which all words begin; "" for no word.
func common(words []string) string {
	if len(words) == 0 {
		return ""
	}
	same := words[0]
	for _, word := range words[1:] {
		for !strings.HasPrefix(word, same) {
			same = same[:len(same)-1]
		}
	}
	return strings.ToValidUTF8(same, "")
}
