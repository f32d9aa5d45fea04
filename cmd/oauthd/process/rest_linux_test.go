package process

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCleanMappings(t *testing.T) {
	const smaps = `00400000-009f7000 r-xp 00000000 fe:00 10202597                           /usr/bin/oauthd
Size:               6108 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
FilePmdMapped:         0 kB
Swap:                  0 kB
SwapPss:               0 kB
VmFlags: rd ex mr mw me
00a00000-00b00000 r--p 005f7000 fe:00 10202597                           /a name with spaces (deleted)
Anonymous:             0 kB
Swap:                  0 kB
00b00000-00c00000 r--p 005f7000 fe:00 10202597                           /usr/bin/relocated
Anonymous:             4 kB
Swap:                  0 kB
00c00000-00d00000 r--p 005f7000 fe:00 10202597                           /usr/lib/relocated, then swapped out
Anonymous:             0 kB
Swap:                  4 kB
01026000-0108d000 rw-p 00c26000 fe:00 10202597                           /usr/bin/oauthd
Anonymous:             0 kB
Swap:                  0 kB
c000000000-c000400000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
7ffe1d7f5000-7ffe1d7f7000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
Swap:                  0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Anonymous:             0 kB
Swap:                  0 kB
`
	want := []mapping{{0x400000, 0x9f7000}, {0xa00000, 0xb00000}}
	if got := cleanMappings(strings.NewReader(smaps)); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// The test goes on in pages that were dropped, and less of its files is resident.
func TestDropFilePages(t *testing.T) {
	before := resident(t)
	dropFilePages()
	if after := resident(t); after >= before {
		t.Errorf("got %d kB, want less than %d", after, before)
	}
}

// resident is how much of files is mapped into this process, in kB.
func resident(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatal(err)
	}
	return kB
}
