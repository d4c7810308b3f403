//go:build wasm

package wasmill

// The aggregate functions that the component exports.

//go:wasmexport wasmill:udf/aggregate@0.2.0#functions
func aggregateFunctions() uint32 { return uint32(signaturesResult(signatures(aggregates))) }

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#functions
func postAggregateFunctions(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[static]aggregate-function.open
func aggregateOpen(name, nameLen, parameters, parametersLen, fields, fieldsLen, columns, columnsLen uint32) uint32 {
	defer ending()
	c := context(memory(parameters), parametersLen, memory(fields), memory(columns), columnsLen)
	function, err := open(aggregates, textAt(memory(name), nameLen), c)
	if err != nil {
		return uint32(handleOrError(0, err))
	}
	id := openedAggregates.add(&openedAggregate{function, c.Arguments, function.Returns(), function.State()})
	return uint32(handleOrError(newAggregateFunction(id), nil))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[static]aggregate-function.open
func postAggregateOpen(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[dtor]aggregate-function
func aggregateDrop(id uint32) { delete(openedAggregates.functions, id) }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]aggregate-function.returns
func aggregateReturns(id uint32) uint32 {
	return uint32(schemaResult(openedAggregates.functions[id].returns))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]aggregate-function.returns
func postAggregateReturns(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]aggregate-function.state
func aggregateState(id uint32) uint32 {
	return uint32(schemaResult(openedAggregates.functions[id].state...))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]aggregate-function.state
func postAggregateState(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]aggregate-function.retracts
func aggregateRetracts(id uint32) bool {
	return openedAggregates.functions[id].function.Retracts()
}

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]aggregate-function.accumulators
func aggregateAccumulators(id uint32) uint32 {
	defer ending()
	f := openedAggregates.functions[id]
	return newAccumulators(allGroups.add(&openedGroups{f.function.Accumulators(), f}))
}

//go:wasmexport wasmill:udf/aggregate@0.2.0#[dtor]accumulators
func accumulatorsDrop(id uint32) { delete(allGroups.functions, id) }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]accumulators.update
func accumulatorsUpdate(id, rows, groups, groupsLen, count uint32) uint32 {
	defer ending()
	g := allGroups.functions[id]
	numbers := numbersAt(memory(groups), groupsLen)
	return uint32(okOrError(g.groups.Update(borrowed(rows, g.function.arguments), numbers, int(count))))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]accumulators.update
func postAccumulatorsUpdate(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]accumulators.retract
func accumulatorsRetract(id, rows, groups, groupsLen uint32) uint32 {
	defer ending()
	g := allGroups.functions[id]
	numbers := numbersAt(memory(groups), groupsLen)
	return uint32(okOrError(g.groups.Retract(borrowed(rows, g.function.arguments), numbers)))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]accumulators.retract
func postAccumulatorsRetract(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]accumulators.merge
func accumulatorsMerge(id, states, groups, groupsLen, count uint32) uint32 {
	defer ending()
	g := allGroups.functions[id]
	numbers := numbersAt(memory(groups), groupsLen)
	return uint32(okOrError(g.groups.Merge(borrowed(states, g.function.state), numbers, int(count))))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]accumulators.merge
func postAccumulatorsMerge(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]accumulators.state
func accumulatorsState(id, count uint32) uint32 {
	defer ending()
	g := allGroups.functions[id]
	columns, err := g.groups.State(int(count))
	if err != nil {
		return uint32(handleOrError(0, err))
	}
	return uint32(handleOrError(NewBatch(g.function.state, columns, int(count)).give(), nil))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]accumulators.state
func postAccumulatorsState(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]accumulators.evaluate
func accumulatorsEvaluate(id, count uint32) uint32 {
	defer ending()
	column, err := allGroups.functions[id].groups.Evaluate(int(count))
	if err != nil {
		return uint32(handleOrError(0, err))
	}
	return uint32(handleOrError(column.give(), nil))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]accumulators.evaluate
func postAccumulatorsEvaluate(uint32) { release() }

//go:wasmexport wasmill:udf/aggregate@0.2.0#[method]accumulators.forget
func accumulatorsForget(id, count uint32) uint32 {
	defer ending()
	allGroups.functions[id].groups.Forget(int(count))
	return uint32(okOrError(nil))
}

//go:wasmexport cabi_post_wasmill:udf/aggregate@0.2.0#[method]accumulators.forget
func postAccumulatorsForget(uint32) { release() }
