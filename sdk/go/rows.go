package wasmill

import "errors"

var errNullItem = errors.New("the list has a NULL among its items")

// rowReader says which rows of a batch are called.
type rowReader struct {
	// strict are the columns whose NULL is no value of the argument.
	strict []*Array
	// lists are columns of lists that have a NULL among their items.
	lists []*Array
	bad   RowErrors
}

// argument reads a column for an argument.
func argument[T any](r *rowReader, rows *Batch, index int, c codec[T]) func(int) T {
	a := rows.Read(index)
	if !c.takesNull && a.Validity != nil {
		r.strict = append(r.strict, a)
	}
	if len(a.Children) == 1 && a.Children[0].Validity != nil {
		r.lists = append(r.lists, a)
	}
	return c.read(a)
}

// called says whether a row is; one that is not is NULL, or bad.
func (r *rowReader) called(row int) bool {
	for _, a := range r.strict {
		if a.IsNull(row) {
			return false
		}
	}
	for _, a := range r.lists {
		if a.IsNull(row) {
			continue
		}
		start, end := a.Range(row)
		for item := start; item < end; item++ {
			if a.Children[0].IsNull(item) {
				r.bad.add(row, errNullItem)
				return false
			}
		}
	}
	return true
}

// evaluate makes a column of what call gives for each row.
func evaluate[R any](rows int, r *rowReader, c codec[R], call func(row int) (R, error)) (*Column, error) {
	builder := NewBuilder(c.dataType)
	write := c.write(builder)
	plain := len(r.strict) == 0 && len(r.lists) == 0
	for row := range rows {
		if !plain && !r.called(row) {
			builder.AppendNull()
			continue
		}
		value, err := call(row)
		if err != nil {
			r.bad.add(row, err)
			continue
		}
		write(value)
	}
	if err := r.bad.or(); err != nil {
		return nil, err
	}
	return NewColumn(builder.Array()), nil
}

// Map1 calls a function for each row of a batch of one column. NULL and errors are as in [Scalar1].
func Map1[A, R any](rows *Batch, f func(A) (R, error)) (*Column, error) {
	var r rowReader
	a := argument(&r, rows, 0, codecOf[A]())
	return evaluate(rows.Rows(), &r, codecOf[R](), func(row int) (R, error) { return f(a(row)) })
}

// Map2 is the same of two columns.
func Map2[A, B, R any](rows *Batch, f func(A, B) (R, error)) (*Column, error) {
	var r rowReader
	a := argument(&r, rows, 0, codecOf[A]())
	b := argument(&r, rows, 1, codecOf[B]())
	return evaluate(rows.Rows(), &r, codecOf[R](), func(row int) (R, error) { return f(a(row), b(row)) })
}

// Map3 is the same of three columns.
func Map3[A, B, C, R any](rows *Batch, f func(A, B, C) (R, error)) (*Column, error) {
	var r rowReader
	a := argument(&r, rows, 0, codecOf[A]())
	b := argument(&r, rows, 1, codecOf[B]())
	c := argument(&r, rows, 2, codecOf[C]())
	return evaluate(rows.Rows(), &r, codecOf[R](), func(row int) (R, error) { return f(a(row), b(row), c(row)) })
}

// Map4 is the same of four columns.
func Map4[A, B, C, D, R any](rows *Batch, f func(A, B, C, D) (R, error)) (*Column, error) {
	var r rowReader
	a := argument(&r, rows, 0, codecOf[A]())
	b := argument(&r, rows, 1, codecOf[B]())
	c := argument(&r, rows, 2, codecOf[C]())
	d := argument(&r, rows, 3, codecOf[D]())
	return evaluate(rows.Rows(), &r, codecOf[R](), func(row int) (R, error) { return f(a(row), b(row), c(row), d(row)) })
}

// mapped is a [ScalarFunction] that maps batches.
type mapped struct {
	returns Field
	eval    func(*Batch) (*Column, error)
}

func (m mapped) Returns() Field                         { return m.returns }
func (m mapped) BatchEval(rows *Batch) (*Column, error) { return m.eval(rows) }

func registerMapped(name string, arguments []DataType, returns DataType, options []Option, eval func(*Batch) (*Column, error)) {
	field := Field{Name: name, DataType: returns}
	signature := typedSignature(name, arguments, []Field{field}, options)
	RegisterScalar(signature, func(*OpenContext) (ScalarFunction, error) { return mapped{field, eval}, nil })
}

// Scalar1 offers a function of one argument.
func Scalar1[A, R any](name string, f func(A) (R, error), options ...Option) {
	arguments := []DataType{codecOf[A]().dataType}
	registerMapped(name, arguments, codecOf[R]().dataType, options, func(rows *Batch) (*Column, error) { return Map1(rows, f) })
}

// Scalar2 offers a function of two arguments.
func Scalar2[A, B, R any](name string, f func(A, B) (R, error), options ...Option) {
	arguments := []DataType{codecOf[A]().dataType, codecOf[B]().dataType}
	registerMapped(name, arguments, codecOf[R]().dataType, options, func(rows *Batch) (*Column, error) { return Map2(rows, f) })
}

// Scalar3 offers a function of three arguments.
func Scalar3[A, B, C, R any](name string, f func(A, B, C) (R, error), options ...Option) {
	arguments := []DataType{codecOf[A]().dataType, codecOf[B]().dataType, codecOf[C]().dataType}
	registerMapped(name, arguments, codecOf[R]().dataType, options, func(rows *Batch) (*Column, error) { return Map3(rows, f) })
}

// Scalar4 offers a function of four arguments.
func Scalar4[A, B, C, D, R any](name string, f func(A, B, C, D) (R, error), options ...Option) {
	arguments := []DataType{codecOf[A]().dataType, codecOf[B]().dataType, codecOf[C]().dataType, codecOf[D]().dataType}
	registerMapped(name, arguments, codecOf[R]().dataType, options, func(rows *Batch) (*Column, error) { return Map4(rows, f) })
}
