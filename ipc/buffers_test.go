package ipc

import (
	"bytes"
	"testing"
)

func TestBuffersAreCleared(t *testing.T) {
	for name, size := range map[string]int{"usual": 600, "as large as is pooled": keepBuffer, "larger": keepBuffer + 1} {
		t.Run(name, func(t *testing.T) {
			var b buffers
			out := b.get()
			if len(*out) != 0 {
				t.Errorf("got a buffer of %d bytes, want an empty one", len(*out))
			}
			*out = append(*out, bytes.Repeat([]byte("t"), size)...)
			answer := *out
			b.put(out)
			if !bytes.Equal(answer, make([]byte, size)) {
				t.Error("what was answered is still in the buffer")
			}
			if again := b.get(); len(*again) != 0 || cap(*again) > 2*keepBuffer {
				t.Errorf("afterwards: got a buffer of %d bytes with room for %d, want an empty one that is not too large", len(*again), cap(*again))
			}
		})
	}
}
