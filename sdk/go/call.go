package wasmill

import "fmt"

// Call is what a process function may use beside the state of its key: the time of the row, or of the
// timer, timers of its key, and what it gives. What is done by it counts when the call gives no error.
type Call[R any] struct {
	moment
	result given[R]
}

// Emit gives a row of the result.
func (c *Call[R]) Emit(row R) { c.result.add(row, c.row) }

// Calling is a [Call] of whatever rows.
type Calling interface{ theMoment() *moment }

// moment is the part of a call that does not depend on its rows.
type moment struct {
	at        source
	row       int
	key       uint32
	timers    pendingTimers
	broadcast any
	parts     *processParts
	sides     []anyGiven
}

// source is the host, or a test.
type source interface {
	Times() []int64
	Watermark() Null[int64]
	Now() int64
}

func (m *moment) theMoment() *moment { return m }

// Time is that of the row or of the timer, in milliseconds since 1970; none where the job gives none.
func (m *moment) Time() Null[int64] {
	if times := m.at.Times(); times != nil {
		return Of(times[m.row])
	}
	return Null[int64]{}
}

// Watermark: all rows up to this time have come, in milliseconds since 1970; none before the first ones.
// [math.MaxInt64] once all rows of a table with an end have come.
func (m *moment) Watermark() Null[int64] { return m.at.Watermark() }

// Now is the machine's clock as the call began, in milliseconds since 1970.
func (m *moment) Now() int64 { return m.at.Now() }

// SetTimer has the key's timer of this name fire once the watermark has come to a time, in milliseconds
// since 1970. A key has one timer of a name: it replaces the one before.
func (m *moment) SetTimer(name string, at int64) {
	m.timers.say(name, saidTimer{key: m.key, clock: EventTime, at: at})
}

// SetProcessingTimer is the same, by the machine's clock.
func (m *moment) SetProcessingTimer(name string, at int64) {
	m.timers.say(name, saidTimer{key: m.key, clock: ProcessingTime, at: at})
}

// ClearTimer has the key's timer of this name not fire.
func (m *moment) ClearTimer(name string) { m.timers.say(name, saidTimer{key: m.key, clear: true}) }

// Timer is for when this call has set a timer of the key.
func (m *moment) Timer(name string) (at int64, ok bool) {
	said, ok := m.timers.last(name, m.key)
	return said.at, ok && !said.clear
}

// given is rows of one type that were given, each with the row or timer that it comes of.
type given[T any] struct {
	rows    []T
	origins []uint32
}

type anyGiven interface {
	output(side Null[uint32], r record, fields []Field) []Output
}

func (g *given[T]) add(row T, origin int) {
	g.rows = append(g.rows, row)
	g.origins = append(g.origins, uint32(origin))
}

// output is the rows, if there are some.
func (g *given[T]) output(side Null[uint32], r record, fields []Field) []Output {
	if len(g.rows) == 0 {
		return nil
	}
	w := r.writer()
	for i := range g.rows {
		w.add(&g.rows[i])
	}
	return []Output{{side, NewBatch(fields, w.columns(), w.rows), g.origins}}
}

// SideOutput is rows beside the result of a process function, which the option [SideOutputs] names:
// structs whose exported fields are the columns.
type SideOutput[T any] struct {
	name   string
	record record
}

// NewSideOutput makes one of this name.
func NewSideOutput[T any](name string) *SideOutput[T] {
	return &SideOutput[T]{name, recordOf[T]()}
}

// Give gives a row.
func (s *SideOutput[T]) Give(call Calling, row T) {
	m := call.theMoment()
	for i, side := range m.parts.sides {
		if side == anySideOutput(s) {
			if m.sides[i] == nil {
				m.sides[i] = new(given[T])
			}
			m.sides[i].(*given[T]).add(row, m.row)
			return
		}
	}
	panic(fmt.Sprintf("wasmill: the function names no side output '%s'", s.name))
}

// Given are the rows that a call gave: for tests.
func (s *SideOutput[T]) Given(call Calling) []T {
	m := call.theMoment()
	for i, side := range m.parts.sides {
		if rows, ok := m.sides[i].(*given[T]); ok && side == anySideOutput(s) {
			return rows.rows
		}
	}
	return nil
}

type anySideOutput interface{ declared() (string, record) }

func (s *SideOutput[T]) declared() (string, record) { return s.name, s.record }

// BroadcastTable is what a process function makes of the rows of its broadcast table, which the option
// [Broadcast] names: rows are structs whose exported fields are the columns; one with NULL for a field
// that is no [Null] is left out.
type BroadcastTable[B any] struct {
	record record
	// read makes a B.
	read func(rows *Batch) B
}

// NewBroadcastTable makes one: gather is called with all rows that have come, whenever there are others.
func NewBroadcastTable[A, B any](gather func(rows []A) B) *BroadcastTable[B] {
	r := recordOf[A]()
	return &BroadcastTable[B]{r, func(rows *Batch) B {
		reader, read := r.rowReader(rows)
		var gathered []A
		for row := range rows.Rows() {
			if reader.called(row) {
				var one A
				read(row, &one)
				gathered = append(gathered, one)
			}
		}
		return gather(gathered)
	}}
}

// Of is what was made of the rows that have come.
func (b *BroadcastTable[B]) Of(call Calling) B {
	m := call.theMoment()
	if m.parts.broadcast != anyBroadcast(b) {
		panic("wasmill: the function names another broadcast table, or none")
	}
	return m.broadcast.(B)
}

type anyBroadcast interface {
	columns() []Field
	gather(rows *Batch) any
}

func (b *BroadcastTable[B]) columns() []Field       { return withoutNotNull(b.record.fields) }
func (b *BroadcastTable[B]) gather(rows *Batch) any { return b.read(rows) }

// processParts is what options say of a process function.
type processParts struct {
	sides     []anySideOutput
	broadcast anyBroadcast
}

func (s *Signature) theParts() *processParts {
	if s.parts == nil {
		s.parts = &processParts{}
	}
	return s.parts
}

// SideOutputs names the side outputs of a process function.
func SideOutputs(sides ...anySideOutput) Option {
	return func(s *Signature) { s.theParts().sides = sides }
}

// Broadcast names the broadcast table of a process function.
func Broadcast(table anyBroadcast) Option {
	return func(s *Signature) { s.theParts().broadcast = table }
}

// At is when a [Call] of a test is, and what it has.
type At struct {
	Time      Null[int64]
	Watermark Null[int64]
	Now       int64
	// Options are the function's [SideOutputs] and [Broadcast].
	Options []Option
	// Broadcast is what was made of the broadcast table.
	Broadcast any
}

// NewCall makes a call of one row: for tests of a function's methods.
func NewCall[R any](at At) *Call[R] {
	var s Signature
	for _, option := range at.Options {
		option(&s)
	}
	parts := s.theParts()
	return &Call[R]{moment: moment{at: atSource{at}, parts: parts, broadcast: at.Broadcast, sides: make([]anyGiven, len(parts.sides))}}
}

// Emitted are the rows that were given: for tests.
func (c *Call[R]) Emitted() []R { return c.result.rows }

type atSource struct{ at At }

func (s atSource) Watermark() Null[int64] { return s.at.Watermark }
func (s atSource) Now() int64             { return s.at.Now }
func (s atSource) Times() []int64 {
	if !s.at.Time.Valid {
		return nil
	}
	return []int64{s.at.Time.Value}
}
