// Package wasmill is for functions in Go: scalar, table, aggregate and process functions of wasmill's
// SQL.
//
// A plugin is a program with an empty main, whose init registers its functions:
//
//	func init() {
//		wasmill.Scalar2("add", func(a, b int64) (int64, error) { return a + b, nil })
//	}
//
//	func main() {}
//
// An argument may be a bool, an integer or a float of a fixed size, a string, a []byte, a [Date], a
// [Timestamp], a slice of a number or of strings, or a [Null] of these. NULL for an argument that is
// no [Null] gives NULL, or no rows, without a call. A function that returns an error fails its row; the
// job decides what becomes of it. A panic ends the call; its message is in the host's log.
package wasmill

// Kind says which type a [DataType] is; the order is the contract's.
type Kind uint8

const (
	Boolean Kind = iota
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	Utf8
	Binary
	// Date32 is days since 1970-01-01: int32.
	Date32
	// Time64 is the time of day in microseconds: int64.
	Time64
	// TimestampKind is ticks since 1970-01-01T00:00:00: int64.
	TimestampKind
	// Decimal128 is pairs (low, high) of uint64, little-endian two's complement.
	Decimal128
	// List has any number of items a value, and one child.
	List
	// FixedSizeList has DataType.Size items a value, and one child.
	FixedSizeList
	// Struct has one child a field.
	Struct
)

// TimeUnit is the length of a timestamp's tick.
type TimeUnit uint8

const (
	Second TimeUnit = iota
	Millisecond
	Microsecond
	Nanosecond
)

// DataType is an Arrow type.
type DataType struct {
	Kind Kind
	// Unit is a timestamp's.
	Unit TimeUnit
	// Timezone is that of a timestamp that is an instant in UTC; "": a local time.
	Timezone string
	// Precision and Scale are a decimal's.
	Precision uint8
	Scale     int8
	// Size is the number of items of each value of a fixed-size list.
	Size uint32
	// Children are a list's item, or a struct's fields.
	Children []Field
}

// Field is a named column, or a part of a nested one.
type Field struct {
	Name     string
	DataType DataType
	// NotNull: there is no NULL in it.
	NotNull bool
}

// Type is a type that needs nothing but its kind.
func Type(kind Kind) DataType { return DataType{Kind: kind} }

// ListOf is the type of lists of any number of items.
func ListOf(item DataType) DataType {
	return DataType{Kind: List, Children: []Field{{Name: "item", DataType: item}}}
}

// Date is days since 1970-01-01.
type Date int32

// Timestamp is microseconds since 1970-01-01T00:00:00.
type Timestamp int64

// Null is a value of T, or NULL.
type Null[T any] struct {
	Value T
	// Valid: it is not NULL.
	Valid bool
}

// Of is a value that is not NULL.
func Of[T any](value T) Null[T] { return Null[T]{Value: value, Valid: true} }

// Signature is what a function offers, as the host shows it and checks a job against it.
type Signature struct {
	Name        string
	Description string
	Arguments   Arguments
	// Returns is one column for scalar and aggregate functions, one or more for table and process
	// functions; nil: decided when the function is opened.
	Returns []Field
	// Volatile: the same arguments may give another result.
	Volatile   bool
	Parameters []Parameter
	parts      *processParts
}

// Arguments are the columns that a function takes: [Exact], [Variadic] or, as the zero value, decided
// when the function is opened.
type Arguments struct {
	kind   argumentsKind
	fields []Field
}

type argumentsKind uint8

const (
	anyArguments argumentsKind = iota
	exactArguments
	variadicArguments
)

// Exact is these columns, in this order; a job's are cast to them where SQL allows.
func Exact(fields ...Field) Arguments { return Arguments{exactArguments, fields} }

// Variadic is any number of columns of one type, at least one.
func Variadic(field Field) Arguments { return Arguments{variadicArguments, []Field{field}} }

// Parameter is an option of CREATE FUNCTION's WITH.
type Parameter struct {
	Name        string
	Description string
	Required    bool
	// Default is nil where there is none.
	Default *string
}

// RequiredParameter is one that a job has to name.
func RequiredParameter(name, description string) Parameter {
	return Parameter{Name: name, Description: description, Required: true}
}

// OptionalParameter is one that a job may leave out.
func OptionalParameter(name, description, value string) Parameter {
	return Parameter{Name: name, Description: description, Default: &value}
}
