//go:build wasm

package wasmill

// State by key, by what the component imports.

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.keys
func importKeyedKeys(keyed uint32) uint32

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.numbers
func importKeyedNumbers(keyed uint32, result pointer)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.times
func importKeyedTimes(keyed uint32, result pointer)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.watermark
func importKeyedWatermark(keyed uint32, result pointer)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.now
func importKeyedNow(keyed uint32) int64

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.read
func importKeyedRead(keyed, slot uint32) uint32

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.lookup
func importKeyedLookup(keyed, slot uint32, keys pointer, keysLen, entries uint32) uint32

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.write
func importKeyedWrite(keyed, slot uint32, keys pointer, keysLen, values uint32)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.append
func importKeyedAppend(keyed, slot uint32, keys pointer, keysLen, items uint32)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.put
func importKeyedPut(keyed, slot uint32, keys pointer, keysLen, entries, values uint32)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.set-timers
func importKeyedSetTimers(keyed, clock uint32, name pointer, nameLen uint32, keys pointer, keysLen uint32, at pointer, atLen uint32)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.clear-timers
func importKeyedClearTimers(keyed uint32, name pointer, nameLen uint32, keys pointer, keysLen uint32)

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.broadcast
func importKeyedBroadcast(keyed uint32) uint32

//go:wasmimport wasmill:udf/state@0.2.0 [method]keyed.broadcast-version
func importKeyedBroadcastVersion(keyed uint32) uint64

//go:wasmimport wasmill:udf/state@0.2.0 [resource-drop]keyed
func importKeyedDrop(keyed uint32)

func hostKeyedKeys(id uint32) uint32             { return importKeyedKeys(id) }
func hostKeyedNow(id uint32) int64               { return importKeyedNow(id) }
func hostKeyedRead(id, slot uint32) uint32       { return importKeyedRead(id, slot) }
func hostKeyedBroadcast(id uint32) uint32        { return importKeyedBroadcast(id) }
func hostKeyedBroadcastVersion(id uint32) uint64 { return importKeyedBroadcastVersion(id) }
func hostDropKeyed(id uint32)                    { importKeyedDrop(id) }

func hostKeyedNumbers(id uint32) []uint32 {
	m := allocate(8)
	importKeyedNumbers(id, m.pointer(0))
	return list[uint32](m, 0)
}

func hostKeyedTimes(id uint32) (column uint32, ok bool) {
	m := allocate(8)
	importKeyedTimes(id, m.pointer(0))
	return m.u32(4), m.u8(0) == 1
}

func hostKeyedWatermark(id uint32) Null[int64] {
	m := allocate(16)
	importKeyedWatermark(id, m.pointer(0))
	return Null[int64]{int64(m.u64(8)), m.u8(0) == 1}
}

func hostKeyedLookup(id, slot uint32, keys []uint32, entries uint32) uint32 {
	return importKeyedLookup(id, slot, address(keys), uint32(len(keys)), entries)
}

func hostKeyedWrite(id, slot uint32, keys []uint32, values uint32) {
	importKeyedWrite(id, slot, address(keys), uint32(len(keys)), values)
}

func hostKeyedAppend(id, slot uint32, keys []uint32, items uint32) {
	importKeyedAppend(id, slot, address(keys), uint32(len(keys)), items)
}

func hostKeyedPut(id, slot uint32, keys []uint32, entries, values uint32) {
	importKeyedPut(id, slot, address(keys), uint32(len(keys)), entries, values)
}

func hostKeyedSetTimers(id uint32, clock Clock, name string, keys []uint32, at []int64) {
	text, length := textAddress(name)
	importKeyedSetTimers(id, uint32(clock), text, length, address(keys), uint32(len(keys)), address(at), uint32(len(at)))
}

func hostKeyedClearTimers(id uint32, name string, keys []uint32) {
	text, length := textAddress(name)
	importKeyedClearTimers(id, text, length, address(keys), uint32(len(keys)))
}
