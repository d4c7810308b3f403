package main

import (
	"fmt"

	wasmill "github.com/wasmill/wasmill/sdk/go"
)

// Process functions: every kind of slot, both clocks, a side output, a broadcast table, rows that fail.
func init() {
	wasmill.Process[KeyedSum, Value, Sum]("keyed_sum",
		wasmill.Description("The sum of the key's values so far."))
	wasmill.Process[KeyedRecent, Text, Before]("keyed_recent",
		wasmill.Description("The key's text before, as long as it is not a second old."))
	wasmill.Process[KeyedList, Text, Items]("keyed_list",
		wasmill.Description("All texts of the key once there are three, which are forgotten then."))
	wasmill.Process[KeyedMap, Entry, Put]("keyed_map",
		wasmill.Description("Puts a value under a name, or removes it where it is NULL: the value before, and how many there are."))
	wasmill.Process[TimerEcho, SetTimer, Fired]("timer_echo",
		wasmill.Description("Sets the key's timer of a name by the clock `event` or `processing`, or has it `clear`ed. "+
			"A timer gives its name and time, and how many of the key have fired. One that is called `bad` fails; "+
			"one that is called `again` sets itself anew, 10 ms later, until three of the key have fired."))
	wasmill.Process[SideSplit, Value, Numbered]("side_split", wasmill.SideOutputs(odd),
		wasmill.Description("Even values, numbered by key; odd ones go to the side output `odd`. A negative one fails."))
	wasmill.Process[BroadcastLimit, Named, Above]("broadcast_limit", wasmill.Broadcast(limits),
		wasmill.Description("The values that are above the limit of their name in the broadcast table, numbered by key."))

	wasmill.RegisterProcess(wasmill.Signature{
		Name:        "keyed_lookup",
		Description: "Puts a value under a name: the value that was there before the batch.",
		Arguments: wasmill.Exact(wasmill.Field{Name: "name", DataType: wasmill.Type(wasmill.Utf8)},
			wasmill.Field{Name: "value", DataType: wasmill.Type(wasmill.Int64)}),
		Returns: beforeFields,
	}, func(*wasmill.OpenContext) (wasmill.ProcessFunction, error) { return keyedLookup{}, nil })
}

// Value is a row.
type Value struct{ Value int64 }

// Sum is a row of keyed_sum.
type Sum struct{ Sum int64 }

// KeyedSum is what is kept of a key: one value.
type KeyedSum struct{ Sum int64 }

func (s *KeyedSum) Eval(call *wasmill.Call[Sum], row Value) error {
	sum, err := add(s.Sum, row.Value)
	if err != nil {
		return err
	}
	s.Sum = sum
	call.Emit(Sum{sum})
	return nil
}

// Text is a row.
type Text struct{ Text string }

// Before is a row of keyed_recent.
type Before struct{ Before wasmill.Null[string] }

// KeyedRecent is a value that is gone after a second.
type KeyedRecent struct {
	Last wasmill.Null[string] `ttl:"1s"`
}

func (s *KeyedRecent) Eval(call *wasmill.Call[Before], row Text) error {
	call.Emit(Before{s.Last})
	s.Last = wasmill.Of(row.Text)
	return nil
}

// Items is a row of keyed_list.
type Items struct{ Items []string }

// KeyedList is a list.
type KeyedList struct{ Items wasmill.ListState[string] }

func (s *KeyedList) Eval(call *wasmill.Call[Items], row Text) error {
	s.Items.Push(row.Text)
	if s.Items.Len() == 3 {
		call.Emit(Items{s.Items.Take()})
	}
	return nil
}

// Entry is a row.
type Entry struct {
	Name  string
	Value wasmill.Null[int64]
}

// Put is a row of keyed_map.
type Put struct {
	Before  wasmill.Null[int64]
	Entries int64
}

// KeyedMap is a map.
type KeyedMap struct {
	Entries wasmill.MapState[string, int64]
}

func (s *KeyedMap) Eval(call *wasmill.Call[Put], row Entry) error {
	var before wasmill.Null[int64]
	before.Value, before.Valid = s.Entries.Get(row.Name)
	if row.Value.Valid {
		s.Entries.Put(row.Name, row.Value.Value)
	} else {
		s.Entries.Remove(row.Name)
	}
	call.Emit(Put{before, int64(s.Entries.Len())})
	return nil
}

// SetTimer is a row.
type SetTimer struct {
	Name  string
	At    int64
	Clock string
}

// Fired is a row of timer_echo.
type Fired struct {
	Name  string
	At    wasmill.Null[int64]
	Fired int64
}

// TimerEcho counts timers.
type TimerEcho struct{ Fired int64 }

func (s *TimerEcho) Eval(call *wasmill.Call[Fired], row SetTimer) error {
	switch row.Clock {
	case "event":
		call.SetTimer(row.Name, row.At)
	case "processing":
		call.SetProcessingTimer(row.Name, row.At)
	case "clear":
		call.ClearTimer(row.Name)
	default:
		return fmt.Errorf("there is no clock '%s'", row.Clock)
	}
	return nil
}

func (s *TimerEcho) OnTimer(call *wasmill.Call[Fired], timer string) error {
	if timer == "bad" {
		return fmt.Errorf("a bad timer")
	}
	s.Fired++
	if at := call.Time(); at.Valid && timer == "again" && s.Fired < 3 {
		call.SetTimer(timer, at.Value+10)
	}
	call.Emit(Fired{timer, call.Time(), s.Fired})
	return nil
}

// Numbered is a row of side_split.
type Numbered struct{ Value, Number int64 }

var odd = wasmill.NewSideOutput[Numbered]("odd")

// SideSplit counts rows.
type SideSplit struct{ Rows int64 }

func (s *SideSplit) Eval(call *wasmill.Call[Numbered], row Value) error {
	if row.Value < 0 {
		return fmt.Errorf("%d is negative", row.Value)
	}
	s.Rows++
	if row.Value%2 == 1 {
		odd.Give(call, Numbered{row.Value, s.Rows})
	} else {
		call.Emit(Numbered{row.Value, s.Rows})
	}
	return nil
}

// Limit is a row of the broadcast table.
type Limit struct {
	Name string
	Most int64
}

var limits = wasmill.NewBroadcastTable(func(rows []Limit) map[string]int64 {
	most := map[string]int64{}
	for _, row := range rows {
		most[row.Name] = row.Most
	}
	return most
})

// Named is a row.
type Named struct {
	Name  string
	Value int64
}

// Above is a row of broadcast_limit.
type Above struct {
	Name          string
	Value, Number int64
}

// BroadcastLimit counts the values above a limit.
type BroadcastLimit struct{ Above int64 }

func (s *BroadcastLimit) Eval(call *wasmill.Call[Above], row Named) error {
	if most, known := limits.Of(call)[row.Name]; known && row.Value > most {
		s.Above++
		call.Emit(Above{row.Name, row.Value, s.Above})
	}
	return nil
}

// keyedLookup is written by hand: a batch at once, of whose maps nothing else is read.
type keyedLookup struct{}

var beforeFields = []wasmill.Field{{Name: "before", DataType: wasmill.Type(wasmill.Int64)}}

func (keyedLookup) Returns() []wasmill.Field        { return beforeFields }
func (keyedLookup) SideOutputs() []wasmill.SideRows { return nil }
func (keyedLookup) Broadcast() []wasmill.Field      { return nil }
func (keyedLookup) Slots() []wasmill.Slot {
	return []wasmill.Slot{{Name: "entries", Kind: wasmill.MapSlot,
		Key: wasmill.Type(wasmill.Utf8), Value: wasmill.Type(wasmill.Int64)}}
}

func (keyedLookup) BatchEval(rows *wasmill.Batch, keyed *wasmill.Keyed) ([]wasmill.Output, error) {
	keys, names := keyed.Numbers(), rows.Column(0)
	before := keyed.Lookup(0, keys, names)
	keyed.Put(0, keys, names, rows.Column(1))
	origins := make([]uint32, len(keys))
	for row := range origins {
		origins[row] = uint32(row)
	}
	given := wasmill.NewBatch(beforeFields, []*wasmill.Column{before}, len(keys))
	return []wasmill.Output{{Rows: given, Origins: origins}}, nil
}

func (keyedLookup) OnTimers(*wasmill.Timers, *wasmill.Keyed) ([]wasmill.Output, error) {
	return nil, nil
}
