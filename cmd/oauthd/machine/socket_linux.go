package machine

import (
	"context"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// socketChanges says when something was taken out of path's directory, or that directory or one above it was moved
// away. A nil channel, if there is no inotify, leaves it to polling.
func socketChanges(ctx context.Context, path string) <-chan struct{} {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	events := os.NewFile(uintptr(fd), "inotify")
	const taken = unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	dir := filepath.Dir(path)
	if _, err := unix.InotifyAddWatch(fd, dir, taken); err != nil {
		_ = events.Close()
		return nil
	}
	for above := filepath.Dir(dir); above != filepath.Dir(above); above = filepath.Dir(above) {
		_, _ = unix.InotifyAddWatch(fd, above, unix.IN_MOVE_SELF) // fails where we may not read it
	}
	stop := context.AfterFunc(ctx, func() { _ = events.Close() })
	changes := make(chan struct{}, 1)
	go func() {
		defer stop()
		defer events.Close()
		buffer := make([]byte, 4096)
		for {
			if _, err := events.Read(buffer); err != nil {
				return
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	}()
	return changes
}
