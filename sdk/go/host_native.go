//go:build !wasm

package wasmill

// A host for tests that run natively: columns and batches in memory, no models.

import "errors"

type nativeBatch struct {
	fields  []Field
	columns []uint32
	rows    int
}

var (
	nativeColumns = map[uint32]*Array{}
	nativeBatches = map[uint32]nativeBatch{}
	nativeLog     []string
	nativeLast    uint32
)

func nativeID() uint32 {
	nativeLast++
	return nativeLast
}

func hostNewColumn(a *Array, children []uint32) uint32 {
	id := nativeID()
	nativeColumns[id] = a
	for _, child := range children {
		delete(nativeColumns, child)
	}
	return id
}

func hostReadColumn(id uint32, a *Array) {
	children := a.Children
	*a = *nativeColumns[id]
	a.Children = children
}

func hostChild(id, index uint32) uint32 {
	child := nativeID()
	nativeColumns[child] = nativeColumns[id].Children[index]
	return child
}

func hostDropColumn(id uint32) { delete(nativeColumns, id) }

func hostNewBatch(fields []Field, columns []uint32, rows int) uint32 {
	id := nativeID()
	nativeBatches[id] = nativeBatch{fields, columns, rows}
	return id
}

func hostBatchRows(id uint32) uint32 { return uint32(nativeBatches[id].rows) }

func hostBatchColumn(id, index uint32) uint32 {
	column := nativeID()
	nativeColumns[column] = nativeColumns[nativeBatches[id].columns[index]]
	return column
}

func hostBatchRead(id, index uint32, a *Array) {
	hostReadColumn(nativeBatches[id].columns[index], a)
}

func hostProject(id uint32, columns []uint32) uint32 {
	batch := nativeBatches[id]
	projected := nativeBatch{rows: batch.rows}
	for _, column := range columns {
		projected.fields = append(projected.fields, batch.fields[column])
		projected.columns = append(projected.columns, hostBatchColumn(id, column))
	}
	return hostNewBatch(projected.fields, projected.columns, projected.rows)
}

func hostDropBatch(id uint32) {
	for _, column := range nativeBatches[id].columns {
		delete(nativeColumns, column)
	}
	delete(nativeBatches, id)
}

var errNoModels = errors.New("there are no models natively")

func hostOpenModel(string) (uint32, error)                { return 0, errNoModels }
func hostModelSignature(uint32) (inputs, outputs []Field) { return nil, nil }
func hostModelVersion(uint32) string                      { return "" }
func hostPredict(uint32, uint32) (uint32, error)          { return 0, errNoModels }
func hostLog(_ Level, message string)                     { nativeLog = append(nativeLog, message) }
func hostCounter(string, uint64)                          {}
func hostGauge(string, float64)                           {}
func hostHistogram(string, float64)                       {}
