//go:build wasm

package wasmill

// What the component imports, in the canonical ABI: texts and lists are a pointer and a length; a
// result that is more than a number goes to memory that the caller gives.

import "unsafe"

type pointer = unsafe.Pointer

//go:wasmimport wasmill:udf/columns@0.2.0 [constructor]column
func importNewColumn(kind, type0, type1 uint32, type2 pointer, type3, length, hasValidity uint32, validity pointer, validityLen, values uint32, items pointer, itemsLen uint32, bytes pointer, bytesLen uint32, children pointer, childrenLen uint32) uint32

//go:wasmimport wasmill:udf/columns@0.2.0 [method]column.read
func importColumnRead(column uint32, result pointer)

//go:wasmimport wasmill:udf/columns@0.2.0 [method]column.child
func importColumnChild(column, index uint32) uint32

//go:wasmimport wasmill:udf/columns@0.2.0 [resource-drop]column
func importColumnDrop(column uint32)

//go:wasmimport wasmill:udf/columns@0.2.0 [constructor]batch
func importNewBatch(fields pointer, fieldsLen uint32, indices pointer, indicesLen uint32, columns pointer, columnsLen, rows uint32) uint32

//go:wasmimport wasmill:udf/columns@0.2.0 [method]batch.schema
func importBatchSchema(batch uint32, result pointer)

//go:wasmimport wasmill:udf/columns@0.2.0 [method]batch.rows
func importBatchRows(batch uint32) uint32

//go:wasmimport wasmill:udf/columns@0.2.0 [method]batch.column
func importBatchColumn(batch, index uint32) uint32

//go:wasmimport wasmill:udf/columns@0.2.0 [method]batch.read
func importBatchRead(batch, index uint32, result pointer)

//go:wasmimport wasmill:udf/columns@0.2.0 [method]batch.project
func importBatchProject(batch uint32, columns pointer, columnsLen uint32) uint32

//go:wasmimport wasmill:udf/columns@0.2.0 [resource-drop]batch
func importBatchDrop(batch uint32)

//go:wasmimport wasmill:udf/inference@0.2.0 [static]model.open
func importModelOpen(name pointer, nameLen uint32, result pointer)

//go:wasmimport wasmill:udf/inference@0.2.0 [method]model.signature
func importModelSignature(model uint32, result pointer)

//go:wasmimport wasmill:udf/inference@0.2.0 [method]model.version
func importModelVersion(model uint32, result pointer)

//go:wasmimport wasmill:udf/inference@0.2.0 [method]model.predict
func importModelPredict(model, features uint32, result pointer)

//go:wasmimport wasmill:udf/log@0.2.0 log
func importLog(level uint32, message pointer, messageLen uint32)

//go:wasmimport wasmill:udf/metrics@0.2.0 counter
func importCounter(name pointer, nameLen uint32, add uint64)

//go:wasmimport wasmill:udf/metrics@0.2.0 gauge
func importGauge(name pointer, nameLen uint32, value float64)

//go:wasmimport wasmill:udf/metrics@0.2.0 histogram
func importHistogram(name pointer, nameLen uint32, value float64)

//go:wasmimport [export]wasmill:udf/scalar@0.2.0 [resource-new]scalar-function
func newScalarFunction(id uint32) uint32

//go:wasmimport [export]wasmill:udf/table@0.2.0 [resource-new]table-function
func newTableFunction(id uint32) uint32

//go:wasmimport [export]wasmill:udf/aggregate@0.2.0 [resource-new]aggregate-function
func newAggregateFunction(id uint32) uint32

//go:wasmimport [export]wasmill:udf/aggregate@0.2.0 [resource-new]accumulators
func newAccumulators(id uint32) uint32

//go:wasmimport [export]wasmill:udf/process@0.2.0 [resource-new]process-function
func newProcessFunction(id uint32) uint32

// printed is where the adapter gathers a line that is printed, until it ends.
var printed [1024]byte

//go:wasmimport wasi_snapshot_preview1 wasmill_line
func importLine(line pointer, size uint32)

func init() { importLine(pointer(&printed[0]), uint32(len(printed))) }
