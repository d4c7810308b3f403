//go:build wasm

package wasmill

// The host, by what the component imports.

import "errors"

// Cases of the contract's `values`, in its order.
const (
	valuesBoolean = iota
	valuesInt8
	valuesInt16
	valuesInt32
	valuesInt64
	valuesUint8
	valuesUint16
	valuesUint32
	valuesUint64
	valuesFloat32
	valuesFloat64
	valuesBytes
	valuesInt128
	valuesOffsets
	valuesNone
)

// arrayOf makes an array's buffers of those in memory, without a copy.
func (m memory) array(a *Array) {
	a.Length = int(m.u32(0))
	if m.u8(4) == 1 {
		a.Validity = list[byte](m, 8)
		if a.Validity == nil {
			a.Validity = []byte{}
		}
	}
	switch m.u8(16) {
	case valuesBoolean, valuesUint8:
		a.Items = list[uint8](m, 20)
	case valuesInt8:
		a.Items = list[int8](m, 20)
	case valuesInt16:
		a.Items = list[int16](m, 20)
	case valuesInt32:
		a.Items = list[int32](m, 20)
	case valuesInt64:
		a.Items = list[int64](m, 20)
	case valuesUint16:
		a.Items = list[uint16](m, 20)
	case valuesUint32:
		a.Items = list[uint32](m, 20)
	case valuesUint64, valuesInt128:
		a.Items = list[uint64](m, 20)
	case valuesFloat32:
		a.Items = list[float32](m, 20)
	case valuesFloat64:
		a.Items = list[float64](m, 20)
	case valuesBytes:
		a.Offsets = list[int32](m, 20)
		a.Bytes = list[byte](m, 28)
	case valuesOffsets:
		a.Offsets = list[int32](m, 20)
	}
}

func hostReadColumn(id uint32, a *Array) {
	m := allocate(arraySize)
	importColumnRead(id, m.pointer(0))
	m.array(a)
}

func hostBatchRead(id, index uint32, a *Array) {
	m := allocate(arraySize)
	importBatchRead(id, index, m.pointer(0))
	m.array(a)
}

// buffer is the case of `values` and the pointer and the length of its first list.
func buffer(a *Array) (values uint32, items pointer, length uint32) {
	switch list := a.Items.(type) {
	case []int8:
		return valuesInt8, address(list), uint32(len(list))
	case []int16:
		return valuesInt16, address(list), uint32(len(list))
	case []int32:
		return valuesInt32, address(list), uint32(len(list))
	case []int64:
		return valuesInt64, address(list), uint32(len(list))
	case []uint8:
		if a.DataType.Kind == Boolean {
			return valuesBoolean, address(list), uint32(len(list))
		}
		return valuesUint8, address(list), uint32(len(list))
	case []uint16:
		return valuesUint16, address(list), uint32(len(list))
	case []uint32:
		return valuesUint32, address(list), uint32(len(list))
	case []uint64:
		if a.DataType.Kind == Decimal128 {
			return valuesInt128, address(list), uint32(len(list))
		}
		return valuesUint64, address(list), uint32(len(list))
	case []float32:
		return valuesFloat32, address(list), uint32(len(list))
	case []float64:
		return valuesFloat64, address(list), uint32(len(list))
	}
	switch a.DataType.Kind {
	case Utf8, Binary:
		return valuesBytes, address(a.Offsets), uint32(len(a.Offsets))
	case List:
		return valuesOffsets, address(a.Offsets), uint32(len(a.Offsets))
	}
	return valuesNone, nil, 0
}

func hostNewColumn(a *Array, children []uint32) uint32 {
	dataType := a.DataType
	var type0, type1, type3 uint32
	var type2 pointer
	switch dataType.Kind {
	case TimestampKind:
		type0 = uint32(dataType.Unit)
		if dataType.Timezone != "" {
			type1 = 1
			type2, type3 = textAddress(dataType.Timezone)
		}
	case Decimal128:
		type0, type1 = uint32(dataType.Precision), uint32(int32(dataType.Scale))
	case FixedSizeList:
		type0 = dataType.Size
	}
	hasValidity := uint32(0)
	if a.Validity != nil {
		hasValidity = 1
	}
	values, items, itemsLen := buffer(a)
	return importNewColumn(uint32(dataType.Kind), type0, type1, type2, type3,
		uint32(a.Length), hasValidity, address(a.Validity), uint32(len(a.Validity)),
		values, items, itemsLen, address(a.Bytes), uint32(len(a.Bytes)),
		address(children), uint32(len(children)))
}

func hostChild(id, index uint32) uint32 { return importColumnChild(id, index) }
func hostDropColumn(id uint32)          { importColumnDrop(id) }

func hostNewBatch(fields []Field, columns []uint32, rows int) uint32 {
	m := allocate(schemaSize)
	m.putSchema(0, fields)
	return importNewBatch(memory(m.u32(0)).pointer(0), m.u32(4), memory(m.u32(8)).pointer(0), m.u32(12),
		address(columns), uint32(len(columns)), uint32(rows))
}

func hostBatchRows(id uint32) uint32          { return importBatchRows(id) }
func hostBatchColumn(id, index uint32) uint32 { return importBatchColumn(id, index) }
func hostDropBatch(id uint32)                 { importBatchDrop(id) }

func hostBatchFields(id uint32) []Field {
	m := allocate(schemaSize)
	importBatchSchema(id, m.pointer(0))
	return m.schema(0)
}

func hostProject(id uint32, columns []uint32) uint32 {
	return importBatchProject(id, address(columns), uint32(len(columns)))
}

// inferenceError reads a result's error: case 2 is that the model failed.
func (m memory) inferenceError() error {
	message := m.text(8)
	if m.u8(4) == 2 {
		return errors.New(message)
	}
	return &InvalidError{message}
}

func hostOpenModel(name string) (uint32, error) {
	m := allocate(16)
	text, length := textAddress(name)
	importModelOpen(text, length, m.pointer(0))
	if m.u8(0) != 0 {
		return 0, m.inferenceError()
	}
	return m.u32(4), nil
}

func hostModelSignature(id uint32) (inputs, outputs []Field) {
	m := allocate(2 * schemaSize)
	importModelSignature(id, m.pointer(0))
	return m.schema(0), m.schema(schemaSize)
}

func hostModelVersion(id uint32) string {
	m := allocate(8)
	importModelVersion(id, m.pointer(0))
	return m.text(0)
}

func hostPredict(id, features uint32) (uint32, error) {
	m := allocate(16)
	importModelPredict(id, features, m.pointer(0))
	if m.u8(0) != 0 {
		return 0, m.inferenceError()
	}
	return m.u32(4), nil
}

func hostLog(level Level, message string) {
	text, length := textAddress(message)
	importLog(uint32(level), text, length)
}

func hostCounter(name string, add uint64) {
	text, length := textAddress(name)
	importCounter(text, length, add)
}

func hostGauge(name string, value float64) {
	text, length := textAddress(name)
	importGauge(text, length, value)
}

func hostHistogram(name string, value float64) {
	text, length := textAddress(name)
	importHistogram(text, length, value)
}
