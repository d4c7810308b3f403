//go:build wasm

package wasmill

// The scalar functions that the component exports.

import "math"

func floatBits(value float32) uint32  { return math.Float32bits(value) }
func doubleBits(value float64) uint64 { return math.Float64bits(value) }

//go:wasmexport wasmill:udf/scalar@0.2.0#functions
func scalarFunctions() uint32 { return uint32(signaturesResult(signatures(scalars))) }

//go:wasmexport cabi_post_wasmill:udf/scalar@0.2.0#functions
func postScalarFunctions(uint32) { release() }

//go:wasmexport wasmill:udf/scalar@0.2.0#[static]scalar-function.open
func scalarOpen(name, nameLen, parameters, parametersLen, fields, fieldsLen, columns, columnsLen uint32) uint32 {
	defer ending()
	c := context(memory(parameters), parametersLen, memory(fields), memory(columns), columnsLen)
	function, err := open(scalars, textAt(memory(name), nameLen), c)
	if err != nil {
		return uint32(handleOrError(0, err))
	}
	id := openedScalars.add(&openedScalar{function, c.Arguments, function.Returns()})
	return uint32(handleOrError(newScalarFunction(id), nil))
}

//go:wasmexport cabi_post_wasmill:udf/scalar@0.2.0#[static]scalar-function.open
func postScalarOpen(uint32) { release() }

//go:wasmexport wasmill:udf/scalar@0.2.0#[dtor]scalar-function
func scalarDrop(id uint32) { delete(openedScalars.functions, id) }

//go:wasmexport wasmill:udf/scalar@0.2.0#[method]scalar-function.returns
func scalarReturns(id uint32) uint32 {
	return uint32(schemaResult(openedScalars.functions[id].returns))
}

//go:wasmexport cabi_post_wasmill:udf/scalar@0.2.0#[method]scalar-function.returns
func postScalarReturns(uint32) { release() }

//go:wasmexport wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval
func scalarBatchEval(id, rows uint32) uint32 {
	defer ending()
	f := openedScalars.functions[id]
	column, err := f.function.BatchEval(borrowed(rows, f.arguments))
	if err != nil {
		return uint32(handleOrError(0, err))
	}
	return uint32(handleOrError(column.give(), nil))
}

//go:wasmexport cabi_post_wasmill:udf/scalar@0.2.0#[method]scalar-function.batch-eval
func postScalarBatchEval(uint32) { release() }

// A batch of one row.
//
//go:wasmexport wasmill:udf/scalar@0.2.0#[method]scalar-function.eval
func scalarEval(id, row, rowLen uint32) uint32 {
	defer ending()
	f := openedScalars.functions[id]
	m := allocate(8 + valueSize)
	if int(rowLen) != len(f.arguments) {
		err := Invalidf("a row has %d values, the function was opened with %d arguments", rowLen, len(f.arguments))
		return uint32(errorResult(m, 8, err))
	}
	columns := make([]*Column, rowLen)
	for i, field := range f.arguments {
		value := memory(row) + memory(i*valueSize)
		if value.u8(0) == 10 {
			columns[i] = &Column{own(value.u32(8), hostDropColumn), field.DataType}
		} else {
			columns[i] = NewColumn(value.value(field.DataType))
		}
	}
	column, err := f.function.BatchEval(NewBatch(f.arguments, columns, 1))
	if err != nil {
		return uint32(errorResult(m, 8, err))
	}
	(m + 8).putValue(column)
	return uint32(m)
}

//go:wasmexport cabi_post_wasmill:udf/scalar@0.2.0#[method]scalar-function.eval
func postScalarEval(uint32) { release() }
