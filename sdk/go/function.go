package wasmill

import (
	"fmt"
	"sort"
	"strconv"
)

// OpenContext is what a function is opened with.
type OpenContext struct {
	// Arguments are those that the job calls the function with.
	Arguments  []Field
	parameters map[string]string
}

// NewOpenContext makes one as a job would: for tests.
func NewOpenContext(parameters map[string]string, arguments ...Field) *OpenContext {
	return &OpenContext{arguments, parameters}
}

// Parameter is the value of a parameter, if the job or a default gives one.
func (c *OpenContext) Parameter(name string) (string, bool) {
	value, ok := c.parameters[name]
	return value, ok
}

// Required is the value of a parameter that must be there.
func (c *OpenContext) Required(name string) (string, error) {
	value, ok := c.parameters[name]
	if !ok {
		return "", Invalidf("the parameter '%s' is missing", name)
	}
	return value, nil
}

// Float is the value of a parameter that must be a number.
func (c *OpenContext) Float(name string) (float64, error) {
	text, err := c.Required(name)
	if err != nil {
		return 0, err
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, Invalidf("the parameter '%s' = '%s' is not a number", name, text)
	}
	return value, nil
}

// Int is the value of a parameter that must be a whole number.
func (c *OpenContext) Int(name string) (int64, error) {
	text, err := c.Required(name)
	if err != nil {
		return 0, err
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, Invalidf("the parameter '%s' = '%s' is not a whole number", name, text)
	}
	return value, nil
}

// ScalarFunction is one row in, one value out, written by hand: with parameters, arguments of any type,
// and a state that is made once.
type ScalarFunction interface {
	// Returns is the result's type.
	Returns() Field
	// BatchEval gives a column of as many rows as the batch.
	BatchEval(rows *Batch) (*Column, error)
}

// TableFunction is one row in, any number of rows out, written by hand.
type TableFunction interface {
	// Returns are the result's columns.
	Returns() []Field
	// BatchEval gives the rows of the first row, then those of the second, ..., and how many each has.
	BatchEval(rows *Batch) (expanded *Batch, counts []uint32, err error)
}

// AggregateFunction is the rows of a group in, one value out, written by hand.
type AggregateFunction interface {
	// Returns is the result's type.
	Returns() Field
	// State are the columns of a group's state, at least one.
	State() []Field
	// Retracts says whether Accumulators.Retract works.
	Retracts() bool
	// Accumulators have no groups yet.
	Accumulators() Accumulators
}

// Accumulators are groups, numbered from 0.
type Accumulators interface {
	// Update adds each row to its group. There are count groups from then on, never fewer than before;
	// those that are new are empty. A row that fails must leave its group as it was.
	Update(rows *Batch, groups []uint32, count int) error
	// Retract takes back rows that were added.
	Retract(rows *Batch, groups []uint32) error
	// Merge adds what other accumulators gave as their State.
	Merge(states *Batch, groups []uint32, count int) error
	// State is that of the first count groups, one row a group.
	State(count int) ([]*Column, error)
	// Evaluate is one value a group, of the first count groups, which stay as they are.
	Evaluate(count int) (*Column, error)
	// Forget forgets the first count groups; the others are numbered from 0 again.
	Forget(count int)
}

type registered[F any] struct {
	signature Signature
	open      func(*OpenContext) (F, error)
}

var (
	scalars    []registered[ScalarFunction]
	tables     []registered[TableFunction]
	aggregates []registered[AggregateFunction]
	processes  []registered[ProcessFunction]
)

// RegisterScalar offers a function that is written by hand.
func RegisterScalar(signature Signature, open func(*OpenContext) (ScalarFunction, error)) {
	scalars = append(scalars, registered[ScalarFunction]{signature, open})
}

// RegisterTable offers a table function that is written by hand.
func RegisterTable(signature Signature, open func(*OpenContext) (TableFunction, error)) {
	tables = append(tables, registered[TableFunction]{signature, open})
}

// RegisterAggregate offers an aggregate function that is written by hand.
func RegisterAggregate(signature Signature, open func(*OpenContext) (AggregateFunction, error)) {
	aggregates = append(aggregates, registered[AggregateFunction]{signature, open})
}

func signatures[F any](functions []registered[F]) []Signature {
	var found []Signature
	for _, function := range functions {
		found = append(found, function.signature)
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Name < found[j].Name })
	return found
}

func open[F any](functions []registered[F], name string, context *OpenContext) (F, error) {
	for _, function := range functions {
		if function.signature.Name == name {
			return function.open(context)
		}
	}
	var none F
	return none, Invalidf("this plugin has no function '%s'", name)
}

// Option changes what a function of the typed kind says of itself.
type Option func(*Signature)

// Description is what SHOW FUNCTIONS says.
func Description(text string) Option { return func(s *Signature) { s.Description = text } }

// Volatile: the same arguments may give another result.
func Volatile() Option { return func(s *Signature) { s.Volatile = true } }

// ArgumentNames are the arguments' names, which are a, b, ... otherwise.
func ArgumentNames(names ...string) Option {
	return func(s *Signature) {
		if len(names) != len(s.Arguments.fields) {
			panic(fmt.Sprintf("wasmill: `%s` has %d arguments, not %d", s.Name, len(s.Arguments.fields), len(names)))
		}
		for i, name := range names {
			s.Arguments.fields[i].Name = name
		}
	}
}

func typedSignature(name string, arguments []DataType, returns []Field, options []Option) Signature {
	fields := make([]Field, len(arguments))
	for i, dataType := range arguments {
		fields[i] = Field{Name: string(rune('a' + i)), DataType: dataType}
	}
	signature := Signature{Name: name, Arguments: Exact(fields...), Returns: returns}
	for _, option := range options {
		option(&signature)
	}
	return signature
}
