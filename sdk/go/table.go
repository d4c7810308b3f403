package wasmill

// expanding is a [TableFunction] of typed rows.
type expanding struct {
	returns []Field
	eval    func(*Batch) (*Batch, []uint32, error)
}

func (e expanding) Returns() []Field { return e.returns }
func (e expanding) BatchEval(rows *Batch) (*Batch, []uint32, error) {
	return e.eval(rows)
}

// expand makes a batch of what call emits for each row.
func expand[R any](rows int, r *rowReader, result record, fields []Field, call func(row int, emit func(R)) error) (*Batch, []uint32, error) {
	w := result.writer()
	counts := make([]uint32, rows)
	emit := func(value R) { w.add(&value) }
	for row := range rows {
		before := w.rows
		if !r.called(row) {
			continue
		}
		if err := call(row, emit); err != nil {
			r.bad.add(row, err)
		}
		counts[row] = uint32(w.rows - before)
	}
	if err := r.bad.or(); err != nil {
		return nil, nil, err
	}
	return NewBatch(fields, w.columns(), w.rows), counts, nil
}

func registerExpanding(name string, arguments []DataType, result record, options []Option, eval func([]Field, *Batch) (*Batch, []uint32, error)) {
	// A result may be NULL whatever its type: the host asks no more than that.
	fields := make([]Field, len(result.fields))
	for i, field := range result.fields {
		fields[i] = Field{Name: field.Name, DataType: field.DataType}
	}
	signature := typedSignature(name, arguments, fields, options)
	RegisterTable(signature, func(*OpenContext) (TableFunction, error) {
		return expanding{fields, func(rows *Batch) (*Batch, []uint32, error) { return eval(fields, rows) }}, nil
	})
}

// Table1 offers a table function of one argument: it emits any number of rows, structs whose exported
// fields are the columns. A field's name in lower case, or what its tag `wasmill:"name"` says, is the
// column's.
func Table1[A, R any](name string, f func(a A, emit func(R)) error, options ...Option) {
	result := recordOf[R]()
	arguments := []DataType{codecOf[A]().dataType}
	registerExpanding(name, arguments, result, options, func(fields []Field, rows *Batch) (*Batch, []uint32, error) {
		var r rowReader
		a := argument(&r, rows, 0, codecOf[A]())
		return expand(rows.Rows(), &r, result, fields, func(row int, emit func(R)) error { return f(a(row), emit) })
	})
}

// Table2 offers a table function of two arguments.
func Table2[A, B, R any](name string, f func(a A, b B, emit func(R)) error, options ...Option) {
	result := recordOf[R]()
	arguments := []DataType{codecOf[A]().dataType, codecOf[B]().dataType}
	registerExpanding(name, arguments, result, options, func(fields []Field, rows *Batch) (*Batch, []uint32, error) {
		var r rowReader
		a := argument(&r, rows, 0, codecOf[A]())
		b := argument(&r, rows, 1, codecOf[B]())
		return expand(rows.Rows(), &r, result, fields, func(row int, emit func(R)) error { return f(a(row), b(row), emit) })
	})
}
