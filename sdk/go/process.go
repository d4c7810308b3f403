package wasmill

import "time"

// ProcessFunction is rows of many keys in, any number of rows out, at once or later, written by hand:
// with parameters, and with a whole batch at once. [Process] makes one of a type that is what is kept of
// a key.
type ProcessFunction interface {
	// Returns are the result's columns.
	Returns() []Field
	// Slots are what is kept of each key; [Keyed] knows them by their place.
	Slots() []Slot
	// SideOutputs are rows beside the result; nil: there are none.
	SideOutputs() []SideRows
	// Broadcast are the columns of the broadcast table; nil: there is none.
	Broadcast() []Field
	// BatchEval gets rows in the order in which they came. After an error nothing has changed, and rows
	// that it does not name may come again.
	BatchEval(rows *Batch, keyed *Keyed) ([]Output, error)
	// OnTimers gets timers whose time has come, earliest first. They are gone, unless the call sets them
	// anew.
	OnTimers(timers *Timers, keyed *Keyed) ([]Output, error)
}

// SlotKind says what a slot keeps of each key.
type SlotKind uint8

const (
	// ValueSlot keeps one value.
	ValueSlot SlotKind = iota
	// ListSlot keeps values in the order in which they were appended.
	ListSlot
	// MapSlot keeps values by keys of their own, which are never NULL.
	MapSlot
)

// Slot is something that is kept of each key.
type Slot struct {
	Name string
	Kind SlotKind
	// Value is the type of a value, of the items of a list, of the values of a map.
	Value DataType
	// Key is the type of a map's keys.
	Key DataType
	// TTL is, in whole milliseconds, after which what was written is gone, by the machine's clock; 0: never.
	TTL time.Duration
}

// columns are what the contract says of a slot.
func (s Slot) columns() []Field {
	switch s.Kind {
	case ListSlot:
		return []Field{{Name: "item", DataType: s.Value}}
	case MapSlot:
		return []Field{{Name: "key", DataType: s.Key, NotNull: true}, {Name: "value", DataType: s.Value}}
	}
	return []Field{{Name: "value", DataType: s.Value}}
}

// dataType is that of what a key has.
func (s Slot) dataType() DataType {
	switch s.Kind {
	case ListSlot:
		return ListOf(s.Value)
	case MapSlot:
		return ListOf(DataType{Kind: Struct, Children: s.columns()})
	}
	return s.Value
}

// SideRows are rows beside the result, for a table that the job names.
type SideRows struct {
	Name    string
	Columns []Field
}

// Output is rows that a call gives, in their order.
type Output struct {
	// Side is which of the function's side outputs; NULL: the result.
	Side Null[uint32]
	Rows *Batch
	// Origins has for each row the row or the timer of the call that it comes of, whose key and time it has.
	Origins []uint32
}

// Timers are those whose time has come.
type Timers struct{ names, at *Array }

var timerFields = []Field{
	{Name: "name", DataType: Type(Utf8), NotNull: true},
	{Name: "at", DataType: Type(Int64), NotNull: true},
}

func readTimers(rows *Batch) *Timers { return &Timers{rows.Read(0), rows.Read(1)} }

// Len is how many there are.
func (t *Timers) Len() int { return t.at.Length }

// Name is that by which a timer was set.
func (t *Timers) Name(timer int) string { return t.names.Text(timer) }

// At is the time for which it was set, in milliseconds since 1970.
func (t *Timers) At(timer int) int64 { return t.at.Items.([]int64)[timer] }

// RegisterProcess offers a process function that is written by hand.
func RegisterProcess(signature Signature, open func(*OpenContext) (ProcessFunction, error)) {
	processes = append(processes, registered[ProcessFunction]{signature, open})
}

// withoutNotNull are fields as the host takes them: it asks for no NULL to be refused.
func withoutNotNull(fields []Field) []Field {
	nullable := make([]Field, len(fields))
	for i, field := range fields {
		nullable[i] = Field{Name: field.Name, DataType: field.DataType}
	}
	return nullable
}
