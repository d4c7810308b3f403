//go:build wasm

package wasmill

// What the component exports, in the canonical ABI. A result stands in memory that is let go by the
// function's cabi_post.

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// opened are what a job opened, by the number that the host has of each.
type opened[F any] struct {
	functions map[uint32]F
	last      uint32
}

func (o *opened[F]) add(function F) uint32 {
	if o.functions == nil {
		o.functions = map[uint32]F{}
	}
	o.last++
	o.functions[o.last] = function
	return o.last
}

type openedScalar struct {
	function  ScalarFunction
	arguments []Field
	returns   Field
}

type openedTable struct {
	function  TableFunction
	arguments []Field
	returns   []Field
}

type openedAggregate struct {
	function  AggregateFunction
	arguments []Field
	returns   Field
	state     []Field
}

type openedGroups struct {
	groups   Accumulators
	function *openedAggregate
}

var (
	openedScalars    opened[*openedScalar]
	openedTables     opened[*openedTable]
	openedAggregates opened[*openedAggregate]
	allGroups        opened[*openedGroups]
)

// ending ends a call. A panic ends it as a trap, which carries no message: the host's log gets it.
func ending() {
	if cause := recover(); cause != nil {
		hostLog(Error, fmt.Sprintf("panic: %v%s", cause, panicPlace()))
		os.Exit(2)
	}
	endCall()
}

// panicPlace is where the panic that was recovered began, below the runtime.
func panicPlace() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers)])
	for panicked := false; ; {
		frame, more := frames.Next()
		inRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if panicked && !inRuntime {
			return fmt.Sprintf(", at %s:%d", frame.File, frame.Line)
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}

// errorResult writes the error of a result whose payload is at `offset`.
func errorResult(m memory, offset uint32, err error) memory {
	m.put8(0, 1)
	which, rows := caseOf(err)
	m.put8(offset, uint8(which))
	if which != caseRows {
		m.putText(offset+4, err.Error())
		return m
	}
	list := allocate(uint32(len(rows)) * rowErrorSize)
	for i, row := range rows {
		at := list + memory(i*rowErrorSize)
		at.put32(0, uint32(row.Row))
		at.putText(4, row.Message)
	}
	m.put32(offset+4, uint32(list))
	m.put32(offset+8, uint32(len(rows)))
	return m
}

func okOrError(err error) memory {
	m := allocate(16)
	if err != nil {
		return errorResult(m, 4, err)
	}
	return m
}

func handleOrError(handle uint32, err error) memory {
	m := okOrError(err)
	if err == nil {
		m.put32(4, handle)
	}
	return m
}

func schemaResult(fields ...Field) memory {
	m := allocate(schemaSize)
	m.putSchema(0, fields)
	return m
}

func signaturesResult(signatures []Signature) memory {
	list := allocate(uint32(len(signatures)) * signatureSize)
	for i, signature := range signatures {
		m := list + memory(i*signatureSize)
		m.putText(0, signature.Name)
		m.putText(8, signature.Description)
		switch signature.Arguments.kind {
		case exactArguments:
			m.putSchema(20, signature.Arguments.fields)
		case variadicArguments:
			m.put8(16, 1)
			m.putSchema(20, signature.Arguments.fields)
		default:
			m.put8(16, 2)
		}
		if signature.Returns != nil {
			m.put8(36, 1)
			m.putSchema(40, signature.Returns)
		}
		if !signature.Volatile {
			m.put8(56, 1)
		}
		parameters := allocate(uint32(len(signature.Parameters)) * parameterSize)
		m.put32(60, uint32(parameters))
		m.put32(64, uint32(len(signature.Parameters)))
		for j, parameter := range signature.Parameters {
			p := parameters + memory(j*parameterSize)
			p.putText(0, parameter.Name)
			p.putText(8, parameter.Description)
			if parameter.Required {
				p.put8(16, 1)
			}
			if parameter.Default != nil {
				p.put8(20, 1)
				p.putText(24, *parameter.Default)
			}
		}
	}
	m := allocate(8)
	m.put32(0, uint32(list))
	m.put32(4, uint32(len(signatures)))
	return m
}

// context reads what a function is opened with: two lists and the words of a schema.
func context(parameters memory, count uint32, fields memory, columns memory, columnCount uint32) *OpenContext {
	c := &OpenContext{parameters: map[string]string{}}
	for i := range count {
		at := parameters + memory(i*pairSize)
		c.parameters[at.text(0)] = at.text(8)
	}
	schema := allocate(schemaSize)
	schema.put32(0, uint32(fields))
	schema.put32(8, uint32(columns))
	schema.put32(12, columnCount)
	c.Arguments = schema.schema(0)
	return c
}

// textAt is a copy of a text that was handed over.
func textAt(at memory, length uint32) string { return string(at.bytes(length)) }

// numbersAt are the elements of a list that was handed over.
func numbersAt(at memory, length uint32) []uint32 {
	m := allocate(8)
	m.put32(0, uint32(at))
	m.put32(4, length)
	return list[uint32](m, 0)
}

// value reads one of the row path, as an array of one row.
func (m memory) value(dataType DataType) *Array {
	b := NewBuilder(dataType)
	switch m.u8(0) {
	case 0:
		b.AppendNull()
	case 1:
		b.AppendBool(m.u8(8) != 0)
	case 2, 3:
		appendInteger(b, m.u64(8))
	case 4:
		AppendNumber(b, m.f32(8))
	case 5:
		AppendNumber(b, m.f64(8))
	case 6, 7:
		b.AppendBytes(memory(m.u32(8)).bytes(m.u32(12)))
	case 8:
		AppendNumber(b, int64(m.u64(8)))
	case 9:
		AppendNumber(b, int32(m.u32(8)))
	}
	return b.Array()
}

func appendInteger(b *Builder, value uint64) {
	switch b.array.DataType.Kind {
	case Int8:
		AppendNumber(b, int8(value))
	case Int16:
		AppendNumber(b, int16(value))
	case Int32:
		AppendNumber(b, int32(value))
	case Uint8:
		AppendNumber(b, uint8(value))
	case Uint16:
		AppendNumber(b, uint16(value))
	case Uint32:
		AppendNumber(b, uint32(value))
	case Uint64:
		AppendNumber(b, value)
	default:
		AppendNumber(b, int64(value))
	}
}

// putValue writes the value of a column of one row.
func (m memory) putValue(column *Column) {
	nested := false
	switch column.dataType.Kind {
	case Time64, Decimal128, List, FixedSizeList, Struct:
		nested = true
	case TimestampKind:
		nested = column.dataType.Unit != Microsecond
	}
	a := column.Read()
	if a.Length != 1 {
		panic(fmt.Sprintf("wasmill: the result of one row has %d rows", a.Length))
	}
	if a.IsNull(0) {
		return
	}
	if nested {
		m.put8(0, 10)
		m.put32(8, column.give())
		return
	}
	switch items := a.Items.(type) {
	case []int8:
		m.putInteger(2, uint64(items[0]))
	case []int16:
		m.putInteger(2, uint64(items[0]))
	case []int32:
		if a.DataType.Kind == Date32 {
			m.put8(0, 9)
			m.put32(8, uint32(items[0]))
		} else {
			m.putInteger(2, uint64(items[0]))
		}
	case []int64:
		if a.DataType.Kind == TimestampKind {
			m.putInteger(8, uint64(items[0]))
		} else {
			m.putInteger(2, uint64(items[0]))
		}
	case []uint8:
		if a.DataType.Kind == Boolean {
			m.put8(0, 1)
			m.put8(8, items[0]&1)
		} else {
			m.putInteger(3, uint64(items[0]))
		}
	case []uint16:
		m.putInteger(3, uint64(items[0]))
	case []uint32:
		m.putInteger(3, uint64(items[0]))
	case []uint64:
		m.putInteger(3, items[0])
	case []float32:
		m.put8(0, 4)
		m.put32(8, floatBits(items[0]))
	case []float64:
		m.putInteger(5, doubleBits(items[0]))
	default:
		m.put8(0, 6)
		if a.DataType.Kind == Binary {
			m.put8(0, 7)
		}
		m.putText(8, a.Text(0))
	}
}

func (m memory) putInteger(which uint8, value uint64) {
	m.put8(0, which)
	m.put64(8, value)
}
