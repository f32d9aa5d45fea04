package ipc

import "testing"

// A line reader needs no more room than the line that is arriving, and gives back what a longer one took.
func TestRoomOfALineReader(t *testing.T) {
	a := &arrivals{room: 1 << 20}
	c, _ := pair(t, a)
	r := &lineReader{conn: c, buf: []byte("0123456789"), start: 4, end: 8}
	check := func(when string, start, end, size, room, arriving int) {
		t.Helper()
		if r.start != start || r.end != end || len(r.buf) != size {
			t.Errorf("%s: got %d to %d of %d, want %d to %d of %d", when, r.start, r.end, len(r.buf), start, end, size)
		}
		a.holds(t, when, room, arriving)
	}
	if !r.makeRoom() || string(r.buf[:4]) != "4567" {
		t.Errorf("got %q in front, want 4567", r.buf[:4])
	}
	check("what is left comes to the front", 0, 4, 10, 1<<20, 0)
	r.makeRoom()
	check("there is room", 0, 4, 10, 1<<20, 0)
	r.end = 10
	r.makeRoom()
	check("a full buffer grows, and that is counted", 0, 10, 40, 1<<20-30, 1)

	// The line has arrived, and the beginning of another is there: it arrives in its place.
	a.arrived(c)
	check("arrived", 0, 10, 40, 1<<20-30, 0)
	r.start = 5
	r.makeRoom()
	check("another has begun", 0, 5, 40, 1<<20-30, 1)

	r.buf, r.start, r.end = make([]byte, 4*lineBuffer), 7, 7
	r.makeRoom()
	check("nothing is left", 0, 0, lineBuffer, 1<<20, 0)
	if c.large.Load() {
		t.Error("the connection counts as one with a large request")
	}
	r.start, r.end = lineBuffer, lineBuffer
	before := &r.buf[0]
	r.makeRoom()
	check("nothing is left of a small buffer", 0, 0, lineBuffer, 1<<20, 0)
	if before != &r.buf[0] {
		t.Error("a small buffer was replaced, want it used again")
	}
}
