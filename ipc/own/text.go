package own

import (
	"bytes"
	"errors"
)

// ErrUTF16 means that a text file is not in UTF-8 but in UTF-16, as Windows' programs save it and PowerShell's > does.
// Its text follows the file's name.
var ErrUTF16 = errors.New("is in UTF-16; save it as UTF-8")

// Text returns the content of a file that a person or their editor wrote, without the byte order mark of UTF-8. The
// error is [ErrUTF16]. Lines may end as on any system, and the last one needs no end.
func Text(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) || alternating(data) {
		return nil, ErrUTF16
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

// alternating reports whether data begins as UTF-16 without a byte order mark does: with ASCII, every other byte is 0.
func alternating(data []byte) bool {
	if len(data) < 4 {
		return false
	}
	zero := func(i int) bool { return data[i] == 0 }
	return zero(1) && zero(3) && !zero(0) && !zero(2) || zero(0) && zero(2) && !zero(1) && !zero(3)
}
