//go:build !wasm

package wasmill

// State by key for tests that run natively: what is handed over is noted.

import "fmt"

type nativeKeyed struct {
	keys      int
	numbers   []uint32
	times     []int64
	slots     []*Array
	broadcast uint32
	version   uint64
	handed    []nativeHanded
}

// nativeState is that of the call that is running.
var nativeState *nativeKeyed

// nativeHanded is what a call handed over, of these keys.
type nativeHanded struct {
	what    string
	keys    []uint32
	columns []*Array
}

func (n *nativeKeyed) note(what string, keys []uint32, columns ...*Array) {
	n.handed = append(n.handed, nativeHanded{what, keys, columns})
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
	nativeState.note(fmt.Sprintf("write %d", slot), keys, nativeColumns[values])
}

func hostKeyedAppend(_, slot uint32, keys []uint32, items uint32) {
	nativeState.note(fmt.Sprintf("append %d", slot), keys, nativeColumns[items])
}

func hostKeyedPut(_, slot uint32, keys []uint32, entries, values uint32) {
	nativeState.note(fmt.Sprintf("put %d", slot), keys, nativeColumns[entries], nativeColumns[values])
}

func hostKeyedSetTimers(_ uint32, clock Clock, name string, keys []uint32, at []int64) {
	times := &Array{DataType: Type(Int64), Length: len(at), Items: at}
	nativeState.note(fmt.Sprintf("timer %s of clock %d", name, clock), keys, times)
}

func hostKeyedClearTimers(_ uint32, name string, keys []uint32) {
	nativeState.note("no timer "+name, keys)
}
