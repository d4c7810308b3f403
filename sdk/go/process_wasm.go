//go:build wasm

package wasmill

// The process functions that the component exports.

type openedProcess struct {
	function  ProcessFunction
	arguments []Field
	slots     []Slot
	broadcast []Field
}

var openedProcesses opened[*openedProcess]

// Sizes of the contract's records.
const (
	slotSize   = 48
	sideSize   = 24
	outputSize = 16
)

//go:wasmexport wasmill:udf/process@0.2.0#functions
func processFunctions() uint32 { return uint32(signaturesResult(signatures(processes))) }

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#functions
func postProcessFunctions(uint32) { release() }

//go:wasmexport wasmill:udf/process@0.2.0#[static]process-function.open
func processOpen(name, nameLen, parameters, parametersLen, fields, fieldsLen, columns, columnsLen uint32) uint32 {
	defer ending()
	c := context(memory(parameters), parametersLen, memory(fields), memory(columns), columnsLen)
	function, err := open(processes, textAt(memory(name), nameLen), c)
	if err != nil {
		return uint32(handleOrError(0, err))
	}
	id := openedProcesses.add(&openedProcess{function, c.Arguments, function.Slots(), function.Broadcast()})
	return uint32(handleOrError(newProcessFunction(id), nil))
}

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#[static]process-function.open
func postProcessOpen(uint32) { release() }

//go:wasmexport wasmill:udf/process@0.2.0#[dtor]process-function
func processDrop(id uint32) { delete(openedProcesses.functions, id) }

//go:wasmexport wasmill:udf/process@0.2.0#[method]process-function.returns
func processReturns(id uint32) uint32 {
	return uint32(schemaResult(openedProcesses.functions[id].function.Returns()...))
}

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#[method]process-function.returns
func postProcessReturns(uint32) { release() }

// listResult writes a list of records of one size.
func listResult[T any](items []T, size uint32, put func(memory, T)) memory {
	list := allocate(uint32(len(items)) * size)
	for i, item := range items {
		put(list+memory(uint32(i)*size), item)
	}
	m := allocate(8)
	m.put32(0, uint32(list))
	m.put32(4, uint32(len(items)))
	return m
}

//go:wasmexport wasmill:udf/process@0.2.0#[method]process-function.slots
func processSlots(id uint32) uint32 {
	return uint32(listResult(openedProcesses.functions[id].slots, slotSize, func(m memory, slot Slot) {
		m.putText(0, slot.Name)
		m.put8(8, uint8(slot.Kind))
		m.putSchema(12, slot.columns())
		if slot.TTL > 0 {
			m.put8(32, 1)
			m.put64(40, uint64(slot.TTL.Milliseconds()))
		}
	}))
}

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#[method]process-function.slots
func postProcessSlots(uint32) { release() }

//go:wasmexport wasmill:udf/process@0.2.0#[method]process-function.side-outputs
func processSideOutputs(id uint32) uint32 {
	sides := openedProcesses.functions[id].function.SideOutputs()
	return uint32(listResult(sides, sideSize, func(m memory, side SideRows) {
		m.putText(0, side.Name)
		m.putSchema(8, side.Columns)
	}))
}

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#[method]process-function.side-outputs
func postProcessSideOutputs(uint32) { release() }

//go:wasmexport wasmill:udf/process@0.2.0#[method]process-function.broadcast
func processBroadcast(id uint32) uint32 {
	m := allocate(4 + schemaSize)
	if columns := openedProcesses.functions[id].broadcast; columns != nil {
		m.put8(0, 1)
		m.putSchema(4, columns)
	}
	return uint32(m)
}

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#[method]process-function.broadcast
func postProcessBroadcast(uint32) { release() }

func outputsOrError(outputs []Output, err error) memory {
	m := okOrError(err)
	if err != nil {
		return m
	}
	list := listResult(outputs, outputSize, func(m memory, output Output) {
		if output.Side.Valid {
			m.put8(0, 1)
			m.put32(4, output.Side.Value)
		}
		m.put32(8, output.Rows.give())
		m.put32(12, NewColumn(&Array{DataType: Type(Uint32), Length: len(output.Origins), Items: output.Origins}).give())
	})
	m.put32(4, list.u32(0))
	m.put32(8, list.u32(4))
	return m
}

//go:wasmexport wasmill:udf/process@0.2.0#[method]process-function.batch-eval
func processBatchEval(id, rows, keyed uint32) uint32 {
	defer ending()
	f := openedProcesses.functions[id]
	outputs, err := f.function.BatchEval(borrowed(rows, f.arguments), lentKeyed(keyed, f.slots, f.broadcast))
	return uint32(outputsOrError(outputs, err))
}

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#[method]process-function.batch-eval
func postProcessBatchEval(uint32) { release() }

//go:wasmexport wasmill:udf/process@0.2.0#[method]process-function.on-timers
func processOnTimers(id, timers, keyed uint32) uint32 {
	defer ending()
	f := openedProcesses.functions[id]
	outputs, err := f.function.OnTimers(readTimers(borrowed(timers, timerFields)), lentKeyed(keyed, f.slots, f.broadcast))
	return uint32(outputsOrError(outputs, err))
}

//go:wasmexport cabi_post_wasmill:udf/process@0.2.0#[method]process-function.on-timers
func postProcessOnTimers(uint32) { release() }
