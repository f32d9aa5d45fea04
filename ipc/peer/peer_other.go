//go:build unix && !linux && !darwin

package peer

func credentials(int) (uid, pid int, err error) { return 0, 0, ErrUnsupported }

func executable(int) string { return "" }
