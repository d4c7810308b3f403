//go:build wasm

package wasmill

// The table functions that the component exports.

//go:wasmexport wasmill:udf/table@0.2.0#functions
func tableFunctions() uint32 { return uint32(signaturesResult(signatures(tables))) }

//go:wasmexport cabi_post_wasmill:udf/table@0.2.0#functions
func postTableFunctions(uint32) { release() }

//go:wasmexport wasmill:udf/table@0.2.0#[static]table-function.open
func tableOpen(name, nameLen, parameters, parametersLen, fields, fieldsLen, columns, columnsLen uint32) uint32 {
	defer ending()
	c := context(memory(parameters), parametersLen, memory(fields), memory(columns), columnsLen)
	function, err := open(tables, textAt(memory(name), nameLen), c)
	if err != nil {
		return uint32(handleOrError(0, err))
	}
	id := openedTables.add(&openedTable{function, c.Arguments, function.Returns()})
	return uint32(handleOrError(newTableFunction(id), nil))
}

//go:wasmexport cabi_post_wasmill:udf/table@0.2.0#[static]table-function.open
func postTableOpen(uint32) { release() }

//go:wasmexport wasmill:udf/table@0.2.0#[dtor]table-function
func tableDrop(id uint32) { delete(openedTables.functions, id) }

//go:wasmexport wasmill:udf/table@0.2.0#[method]table-function.returns
func tableReturns(id uint32) uint32 {
	return uint32(schemaResult(openedTables.functions[id].returns...))
}

//go:wasmexport cabi_post_wasmill:udf/table@0.2.0#[method]table-function.returns
func postTableReturns(uint32) { release() }

//go:wasmexport wasmill:udf/table@0.2.0#[method]table-function.batch-eval
func tableBatchEval(id, rows uint32) uint32 {
	defer ending()
	f := openedTables.functions[id]
	expanded, counts, err := f.function.BatchEval(borrowed(rows, f.arguments))
	m := okOrError(err)
	if err == nil {
		m.put32(4, expanded.give())
		m.put32(8, NewColumn(&Array{DataType: Type(Uint32), Length: len(counts), Items: counts}).give())
	}
	return uint32(m)
}

//go:wasmexport cabi_post_wasmill:udf/table@0.2.0#[method]table-function.batch-eval
func postTableBatchEval(uint32) { release() }
