package machine

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// clockChanges says when the wall clock was set, by a person, a time server or the end of a suspend: what waits for a
// timer of the wall clock is told of that (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). A nil channel leaves it to
// polling.
func clockChanges(ctx context.Context) <-chan struct{} {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	later, err := unix.TimeToTimespec(time.Now().AddDate(10, 0, 0)) // as good as never
	if err == nil {
		err = unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &unix.ItimerSpec{Value: later}, nil)
	}
	if err != nil {
		_ = timer.Close()
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = timer.Close() })
	changes := make(chan struct{}, 1)
	go func() {
		defer stop()
		defer timer.Close()
		expirations := make([]byte, 8)
		for {
			if _, err := timer.Read(expirations); err != nil && !errors.Is(err, unix.ECANCELED) {
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
