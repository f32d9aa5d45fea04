package process

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dropFilePages lets go of the pages of files that are mapped into this process, our program's above all: most belong to
// start-up and TLS. They stay in the page cache, from where the next access brings them back.
func dropFilePages() {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	for _, m := range cleanMappings(smaps) {
		_, _, _ = unix.Syscall(unix.SYS_MUNLOCK, m.start, m.end-m.start, 0) // see pin; they hold no secret
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// cleanMappings reads a process' mappings (proc_pid_smaps(5)) and returns those that are nothing but what their files
// hold: they have no page of their own, in memory or swapped out, and cannot be written.
func cleanMappings(smaps io.Reader) (clean []mapping) {
	var current mapping
	ofFile, inMemory := false, false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		line := lines.Text()
		if size, ok := strings.CutPrefix(line, "Anonymous:"); ok {
			inMemory = strings.TrimSpace(size) != "0 kB"
		}
		// A library's relocated addresses, swapped out, would come back as its file has them.
		if size, ok := strings.CutPrefix(line, "Swap:"); ok && ofFile && !inMemory && strings.TrimSpace(size) == "0 kB" {
			clean = append(clean, current)
		}
		var m mapping
		var permissions, offset, device, inode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s %s %s %s", &m.start, &m.end, &permissions, &offset, &device, &inode); n == 6 {
			current, ofFile = m, inode != "0" && len(permissions) > 1 && permissions[1] != 'w'
		}
	}
	return clean
}
