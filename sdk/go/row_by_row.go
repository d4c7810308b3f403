package wasmill

import "errors"

// State is what a process function keeps of a key: a struct whose exported fields are slots of the
// host's, each a value, a [Null], a [ListState] or a [MapState], called as a table function's columns are. The zero
// value is a key of which nothing is known: what is zero is not kept, so `*s = Visits{}` forgets a key.
// With a tag `ttl:"1h"` what was written is gone after so long, by the machine's clock; a value that stays
// the same is not written again.
//
// A is a row: a struct whose exported fields are the arguments. R is a row of the result.
type State[S, A, R any] interface {
	*S
	// Eval gets the rows of the key one behind another. One that fails leaves no trace in the state.
	Eval(call *Call[R], row A) error
}

// Process offers a process function: Process[Visits, Page, Visit]("visits"). One whose state has a method
// OnTimer(*Call[R], string) error gets timers by the names by which they were set.
func Process[S, A, R any, P State[S, A, R]](name string, options ...Option) {
	f := &rowByRow[S, A, R]{
		state:     keptStateOf[S](),
		arguments: recordOf[A](),
		result:    recordOf[R](),
		eval:      func(state *S, call *Call[R], row A) error { return P(state).Eval(call, row) },
	}
	if _, fires := any(P(new(S))).(timed[R]); fires {
		f.onTimer = func(state *S, call *Call[R], timer string) error {
			return any(P(state)).(timed[R]).OnTimer(call, timer)
		}
	}
	f.returns = withoutNotNull(f.result.fields)
	signature := Signature{Name: name, Arguments: Exact(withoutNotNull(f.arguments.fields)...), Returns: f.returns}
	for _, option := range options {
		option(&signature)
	}
	f.parts = signature.theParts()
	for _, side := range f.parts.sides {
		name, record := side.declared()
		f.sides = append(f.sides, SideRows{name, withoutNotNull(record.fields)})
	}
	RegisterProcess(signature, func(*OpenContext) (ProcessFunction, error) {
		opened := *f
		return &opened, nil
	})
}

type timed[R any] interface {
	OnTimer(call *Call[R], timer string) error
}

// rowByRow is a [ProcessFunction] whose state is a Go value a key.
type rowByRow[S, A, R any] struct {
	state     keptState
	arguments record
	result    record
	returns   []Field
	sides     []SideRows
	parts     *processParts
	eval      func(*S, *Call[R], A) error
	onTimer   func(*S, *Call[R], string) error

	// broadcast is what was made of the rows that have this number.
	broadcast any
	version   Null[uint64]
}

func (f *rowByRow[S, A, R]) Returns() []Field        { return f.returns }
func (f *rowByRow[S, A, R]) Slots() []Slot           { return f.state.slots }
func (f *rowByRow[S, A, R]) SideOutputs() []SideRows { return f.sides }

func (f *rowByRow[S, A, R]) Broadcast() []Field {
	if f.parts.broadcast == nil {
		return nil
	}
	return f.parts.broadcast.columns()
}

func (f *rowByRow[S, A, R]) BatchEval(rows *Batch, keyed *Keyed) ([]Output, error) {
	reader, read := f.arguments.rowReader(rows)
	return f.run(rows.Rows(), keyed, func(state *S, call *Call[R], row int) error {
		bad := len(reader.bad)
		if !reader.called(row) {
			if len(reader.bad) > bad {
				return errNullItem
			}
			return nil
		}
		var arguments A
		read(row, &arguments)
		return f.eval(state, call, arguments)
	})
}

func (f *rowByRow[S, A, R]) OnTimers(timers *Timers, keyed *Keyed) ([]Output, error) {
	if f.onTimer == nil {
		return nil, nil
	}
	return f.run(timers.Len(), keyed, func(state *S, call *Call[R], timer int) error {
		return f.onTimer(state, call, timers.Name(timer))
	})
}

// gather looks whether the broadcast table has other rows.
func (f *rowByRow[S, A, R]) gather(keyed *Keyed) {
	if f.parts.broadcast == nil {
		return
	}
	if version := Of(keyed.BroadcastVersion()); version != f.version {
		f.broadcast, f.version = f.parts.broadcast.gather(keyed.Broadcast()), version
	}
}

// run calls step for each row or timer, with the state of its key: what has changed is handed over when
// none fails.
func (f *rowByRow[S, A, R]) run(count int, keyed *Keyed, step func(*S, *Call[R], int) error) ([]Output, error) {
	numbers := keyed.Numbers()
	if len(numbers) != count {
		return nil, errors.New("the host gave rows without keys")
	}
	f.gather(keyed)
	before := f.state.read(keyed)
	states, call, failed := f.attempt(numbers, keyed, before, step, false)
	if len(failed) > 0 {
		// Once more from the start: what fails leaves the state as it was, as when the host calls again
		// without these rows, so that all that fail are found.
		_, _, failed = f.attempt(numbers, keyed, before, step, true)
		return nil, failed.or()
	}
	f.state.write(keyed, before, func(key int) any { return &states[key] })
	call.timers.send(keyed)
	outputs := call.result.output(Null[uint32]{}, f.result, f.returns)
	for i, side := range call.sides {
		if side != nil {
			_, record := f.parts.sides[i].declared()
			outputs = append(outputs, side.output(Of(uint32(i)), record, f.sides[i].Columns)...)
		}
	}
	return outputs, nil
}

// attempt calls step for each row, up to the first that fails; carefully: for all of them.
func (f *rowByRow[S, A, R]) attempt(numbers []uint32, keyed *Keyed, before []*Array, step func(*S, *Call[R], int) error, carefully bool) ([]S, *Call[R], RowErrors) {
	states := make([]S, keyed.Keys().Rows())
	for key := range states {
		f.state.load(before, key, &states[key])
	}
	call := &Call[R]{moment: moment{at: keyed, broadcast: f.broadcast, parts: f.parts, sides: make([]anyGiven, len(f.sides))}}
	var failed RowErrors
	for row, number := range numbers {
		call.row, call.key = row, number
		state := &states[number]
		var saved S
		if carefully {
			saved = *state
			f.state.copyOf(&saved, state)
		}
		if err := step(state, call, row); err != nil {
			failed.add(row, err)
			if !carefully {
				break
			}
			*state = saved
		}
	}
	return states, call, failed
}
