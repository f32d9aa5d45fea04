package ipc

import "sync"

// keepBuffer is the capacity of the largest buffer that is pooled, in bytes.
const keepBuffer = 16 << 10

// buffers is a pool of what answers are written to. The zero value is ready to use.
type buffers struct{ pool sync.Pool }

// get returns an empty buffer.
func (b *buffers) get() *[]byte {
	if out, ok := b.pool.Get().(*[]byte); ok {
		return out
	}
	out := make([]byte, 0, 4<<10)
	return &out
}

// put takes a buffer back once its answer is written. It clears the buffer, because a token must not outlive its
// answer.
func (b *buffers) put(out *[]byte) {
	clear(*out)
	if cap(*out) <= keepBuffer {
		*out = (*out)[:0]
		b.pool.Put(out)
	}
}
