//go:build !wasm

package wasmill

// State by key for tests that run natively: two keys or more, and what is handed over is told.

import "fmt"

type nativeKeyed struct {
	keys      int
	numbers   []uint32
	times     []int64
	slots     []*Array
	broadcast uint32
	version   uint64
	handed    []string
}

// nativeState is that of the call that is running.
var nativeState *nativeKeyed

func (n *nativeKeyed) say(format string, arguments ...any) {
	n.handed = append(n.handed, fmt.Sprintf(format, arguments...))
}

func nativeColumn(a *Array) uint32 {
	id := nativeID()
	nativeColumns[id] = a
	return id
}

func hostKeyedKeys(uint32) uint32             { return hostNewBatch(nil, nil, nativeState.keys) }
func hostKeyedNumbers(uint32) []uint32        { return nativeState.numbers }
func hostKeyedNow(uint32) int64               { return 7 }
func hostKeyedRead(_, slot uint32) uint32     { return nativeColumn(nativeState.slots[slot]) }
func hostKeyedBroadcastVersion(uint32) uint64 { return nativeState.version }
func hostDropKeyed(uint32)                    {}
func hostBatchFields(id uint32) []Field       { return nativeBatches[id].fields }
func hostKeyedWatermark(uint32) Null[int64]   { return Null[int64]{} }

func hostKeyedTimes(uint32) (uint32, bool) {
	times := nativeState.times
	if times == nil {
		return 0, false
	}
	return nativeColumn(&Array{DataType: Type(Int64), Length: len(times), Items: times}), true
}

func hostKeyedBroadcast(uint32) uint32 {
	columns := nativeBatches[nativeState.broadcast].columns
	all := make([]uint32, len(columns))
	for i := range all {
		all[i] = uint32(i)
	}
	return hostProject(nativeState.broadcast, all)
}

func hostKeyedLookup(_, slot uint32, keys []uint32, entries uint32) uint32 {
	panic("wasmill: nothing is looked up natively")
}

func hostKeyedWrite(_, slot uint32, keys []uint32, values uint32) {
	nativeState.say("write %d %v: %s", slot, keys, shown(nativeColumns[values]))
}

func hostKeyedAppend(_, slot uint32, keys []uint32, items uint32) {
	nativeState.say("append %d %v: %s", slot, keys, shown(nativeColumns[items]))
}

func hostKeyedPut(_, slot uint32, keys []uint32, entries, values uint32) {
	nativeState.say("put %d %v: %s = %s", slot, keys, shown(nativeColumns[entries]), shown(nativeColumns[values]))
}

func hostKeyedSetTimers(_ uint32, clock Clock, name string, keys []uint32, at []int64) {
	nativeState.say("timer %s of clock %d %v: %v", name, clock, keys, at)
}

func hostKeyedClearTimers(_ uint32, name string, keys []uint32) {
	nativeState.say("no timer %s %v", name, keys)
}

// shown is a column's values.
func shown(a *Array) string {
	text := ""
	for row := range a.Length {
		if row > 0 {
			text += " "
		}
		text += shownValue(a, row)
	}
	return text
}

func shownValue(a *Array, row int) string {
	if a.IsNull(row) {
		return "NULL"
	}
	switch a.DataType.Kind {
	case Utf8:
		return a.Text(row)
	case Struct:
		return shownValue(a.Children[0], row) + "=" + shownValue(a.Children[1], row)
	case List:
		text := "["
		start, end := a.Range(row)
		for item := start; item < end; item++ {
			if item > start {
				text += " "
			}
			text += shownValue(a.Children[0], item)
		}
		return text + "]"
	}
	switch items := a.Items.(type) {
	case []int64:
		return fmt.Sprint(items[row])
	case []float64:
		return fmt.Sprint(items[row])
	}
	return "?"
}
