//go:build !wasm

package wasmill

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// columnOf makes a column of Go values.
func columnOf[T any](values ...T) *Column {
	c := codecOf[T]()
	builder := NewBuilder(c.dataType)
	write := c.write(builder)
	for _, value := range values {
		write(value)
	}
	return NewColumn(builder.Array())
}

// batchOf makes a batch of columns of one length.
func batchOf(columns ...*Column) *Batch {
	fields := make([]Field, len(columns))
	rows := nativeColumns[columns[0].id].Length
	for i, column := range columns {
		fields[i] = Field{Name: fmt.Sprint(i), DataType: column.DataType()}
	}
	return NewBatch(fields, columns, rows)
}

// valuesOf are a column's values.
func valuesOf[T any](column *Column) []T {
	a := column.Read()
	read := codecOf[T]().read(a)
	values := make([]T, a.Length)
	for row := range values {
		values[row] = read(row)
	}
	return values
}

func equal(t *testing.T, found, expected any) {
	t.Helper()
	if !reflect.DeepEqual(found, expected) {
		t.Errorf("found %v, expected %v", found, expected)
	}
}

// nothingLeft ends the call and looks for handles that were forgotten.
func nothingLeft(t *testing.T) {
	t.Helper()
	endCall()
	equal(t, len(nativeColumns)+len(nativeBatches), 0)
}

func null[T any]() Null[T] { return Null[T]{} }

func roundTrip[T any](t *testing.T, values ...T) {
	t.Helper()
	equal(t, valuesOf[T](columnOf(values...)), values)
	nullable := []Null[T]{null[T](), Of(values[0]), null[T]()}
	equal(t, valuesOf[Null[T]](columnOf(nullable...)), nullable)
}

func TestValuesOfEveryTypeComeBack(t *testing.T) {
	defer nothingLeft(t)
	roundTrip(t, true, false, true, true, true, true, true, true, false, true)
	roundTrip[int8](t, 1, -128)
	roundTrip[int16](t, 1, -1<<15)
	roundTrip[int32](t, 1, -1<<31)
	roundTrip[int64](t, 1, -1<<63)
	roundTrip[uint8](t, 255)
	roundTrip[uint16](t, 1<<16-1)
	roundTrip[uint32](t, 1<<32-1)
	roundTrip[uint64](t, 1<<64-1)
	roundTrip[float32](t, 1.5)
	roundTrip(t, 1.5, -2)
	roundTrip(t, "a", "", "ö")
	roundTrip(t, []byte("a"), []byte{})
	roundTrip[Date](t, -1, 19000)
	roundTrip[Timestamp](t, -1, 1)
	roundTrip(t, []float64{1, 2}, []float64{}, []float64{3})
	roundTrip(t, []string{"a", ""}, []string{})
	roundTrip(t, []bool{true}, []bool{false, true})
}

func TestNestedNullsHaveChildren(t *testing.T) {
	defer nothingLeft(t)
	point := DataType{Kind: Struct, Children: []Field{{Name: "x", DataType: Type(Float64)}}}
	b := NewBuilder(DataType{Kind: FixedSizeList, Size: 2, Children: []Field{{Name: "item", DataType: point}}})
	b.AppendNull()
	for range 2 {
		AppendNumber(b.Child(0).Child(0), 1.5)
		b.Child(0).AppendNested()
	}
	b.AppendNested()
	a := NewColumn(b.Array()).Read()
	equal(t, a.Length, 2)
	equal(t, []bool{a.IsNull(0), a.IsNull(1)}, []bool{true, false})
	start, end := a.Range(1)
	equal(t, []int{start, end, a.Children[0].Length, a.Children[0].Children[0].Length}, []int{2, 4, 4, 4})
	equal(t, a.Children[0].Children[0].Items, []float64{0, 0, 1.5, 1.5})
	decimals := NewBuilder(DataType{Kind: Decimal128, Precision: 9, Scale: 2})
	decimals.AppendNull()
	decimals.AppendDecimal(5, 6)
	equal(t, decimals.Array().Items, []uint64{0, 0, 5, 6})
}

func TestANullIsNotCalled(t *testing.T) {
	defer nothingLeft(t)
	rows := batchOf(columnOf(Of(int64(1)), null[int64](), Of(int64(3))), columnOf[int64](10, 20, 0))
	column, err := Map2(rows, func(a, b int64) (int64, error) { return a + b, nil })
	equal(t, err, nil)
	equal(t, valuesOf[Null[int64]](column), []Null[int64]{Of(int64(11)), null[int64](), Of(int64(3))})
	rows = batchOf(columnOf(Of(int64(1)), null[int64]()))
	column, err = Map1(rows, func(a Null[int64]) (bool, error) { return a.Valid, nil })
	equal(t, err, nil)
	equal(t, valuesOf[bool](column), []bool{true, false})
}

func TestEveryBadRowIsTold(t *testing.T) {
	defer nothingLeft(t)
	rows := batchOf(columnOf("1", "x", "3", "y"))
	_, err := Map1(rows, func(text string) (int64, error) {
		if text > "9" {
			return 0, fmt.Errorf("`%s` is no digit", text)
		}
		return int64(text[0] - '0'), nil
	})
	equal(t, err, error(RowErrors{{1, "`x` is no digit"}, {3, "`y` is no digit"}}))
	rows = batchOf(columnOf([]Null[float64]{Of(1.0)}[0].Value))
	_, err = Map1(rows, func(float64) (bool, error) { return false, errors.New("no") })
	equal(t, err.Error(), "row 0: no")
}

func TestAListWithANullFailsItsRow(t *testing.T) {
	defer nothingLeft(t)
	b := NewBuilder(ListOf(Type(Float64)))
	AppendNumber(b.Child(0), 1.0)
	b.AppendNested()
	b.Child(0).AppendNull()
	b.AppendNested()
	_, err := Map1(batchOf(NewColumn(b.Array())), func(items []float64) (int64, error) { return int64(len(items)), nil })
	equal(t, err, error(RowErrors{{1, "the list has a NULL among its items"}}))
}

type word struct {
	Word  string
	Place Null[int64] `wasmill:"at"`
}

func TestATableFunctionCountsItsRows(t *testing.T) {
	defer nothingLeft(t)
	defer func() { tables = nil }()
	Table1("words", func(text string, emit func(word)) error {
		for i, part := range strings.Fields(text) {
			emit(word{part, Null[int64]{int64(i), i > 0}})
		}
		return nil
	}, ArgumentNames("text"))
	equal(t, tables[0].signature.Arguments.fields[0].Name, "text")
	function, err := open(tables, "words", NewOpenContext(nil))
	equal(t, err, nil)
	rows, counts, err := function.BatchEval(batchOf(columnOf(Of("a b"), null[string](), Of(""), Of("c"))))
	equal(t, err, nil)
	equal(t, counts, []uint32{2, 0, 0, 1})
	equal(t, []string{rows.Fields()[0].Name, rows.Fields()[1].Name}, []string{"word", "at"})
	equal(t, valuesOf[string](rows.Column(0)), []string{"a", "b", "c"})
	equal(t, valuesOf[Null[int64]](rows.Column(1)), []Null[int64]{{}, Of(int64(1)), {}})
}

type sum struct {
	Sum   float64
	Count int64
}

func (s *sum) Update(value float64) error {
	if value < 0 {
		return fmt.Errorf("%v is negative", value)
	}
	s.Sum += value
	s.Count++
	return nil
}

func (s *sum) Retract(value float64) error {
	s.Sum -= value
	s.Count--
	return nil
}

func (s *sum) Merge(other sum) { s.Sum += other.Sum; s.Count += other.Count }

func (s *sum) Evaluate() (Null[float64], error) { return Null[float64]{s.Sum, s.Count > 0}, nil }

func TestGroupsAreAddedTakenBackMergedAndForgotten(t *testing.T) {
	defer nothingLeft(t)
	defer func() { aggregates = nil }()
	Aggregate1[sum, float64, Null[float64]]("sum")
	function, err := open(aggregates, "sum", NewOpenContext(nil))
	equal(t, err, nil)
	equal(t, function.Retracts(), true)
	equal(t, function.State(), []Field{{"sum", Type(Float64), true}, {"count", Type(Int64), true}})
	groups := function.Accumulators()
	evaluated := func(count int) []Null[float64] {
		column, err := groups.Evaluate(count)
		equal(t, err, nil)
		return valuesOf[Null[float64]](column)
	}
	rows := batchOf(columnOf(Of(1.0), null[float64](), Of(3.0), Of(4.0)))
	equal(t, groups.Update(rows, []uint32{0, 0, 1, 0}, 3), nil)
	equal(t, evaluated(3), []Null[float64]{Of(5.0), Of(3.0), {}})
	equal(t, groups.Retract(batchOf(columnOf(1.0)), []uint32{0}), nil)
	state, err := groups.State(2)
	equal(t, err, nil)
	equal(t, valuesOf[int64](state[1]), []int64{1, 1})
	equal(t, groups.Merge(NewBatch(function.State(), state, 2), []uint32{3, 0}, 4), nil)
	equal(t, evaluated(4), []Null[float64]{Of(7.0), Of(3.0), {}, Of(4.0)})
	groups.Forget(2)
	equal(t, evaluated(2), []Null[float64]{{}, Of(4.0)})
	err = groups.Update(batchOf(columnOf(-1.0, 1.0, -2.0)), []uint32{0, 0, 0}, 2)
	equal(t, err, error(RowErrors{{0, "-1 is negative"}, {2, "-2 is negative"}}))
	equal(t, evaluated(1), []Null[float64]{Of(1.0)})
}

func TestAFunctionIsOpenedByItsName(t *testing.T) {
	defer func() { scalars = nil }()
	Scalar1("b", func(x int64) (int64, error) { return x, nil })
	Scalar2("a", func(x int64, y string) (string, error) { return y, nil }, Volatile(), Description("a text"))
	found := signatures(scalars)
	equal(t, []string{found[0].Name, found[1].Name}, []string{"a", "b"})
	equal(t, found[0].Volatile, true)
	_, err := open(scalars, "c", NewOpenContext(nil))
	equal(t, err.Error(), "this plugin has no function 'c'")
	which, _ := caseOf(err)
	equal(t, which, caseInvalid)
}

func TestParametersAreReadAsWhatTheyShouldBe(t *testing.T) {
	context := NewOpenContext(map[string]string{"k": "5", "p": "x"})
	k, err := context.Int("k")
	equal(t, []any{k, err}, []any{int64(5), nil})
	_, err = context.Float("p")
	equal(t, err.Error(), "the parameter 'p' = 'x' is not a number")
	_, err = context.Required("q")
	equal(t, err.Error(), "the parameter 'q' is missing")
}

func TestATypeThatIsNoSQLValueIsRefused(t *testing.T) {
	defer func() { equal(t, recover(), any("wasmill: no SQL value becomes a int")) }()
	Scalar1("f", func(x int) (int64, error) { return 0, nil })
}

type everything struct {
	Bool      bool
	Int8      int8
	Int64     Null[int64]
	Uint8     uint8
	Uint64    uint64
	Float32   float32
	Text      Null[string]
	Binary    []byte
	Date      Date
	Timestamp Null[Timestamp]
	Items     []Null[float64]
	Lists     [][]string
	Flags     []bool
}

func TestRecordsOfEveryTypeComeBack(t *testing.T) {
	defer nothingLeft(t)
	records := []everything{
		{true, -1, Of(int64(2)), 3, 4, 1.5, Of("a"), []byte("b"), 5, Of(Timestamp(6)),
			[]Null[float64]{Of(1.5), {}}, [][]string{{"a"}, {}}, []bool{false, true}},
		{Binary: []byte{}, Items: []Null[float64]{}, Lists: [][]string{}, Flags: []bool{}},
	}
	r := recordOf[everything]()
	w := r.writer()
	for i := range records {
		w.add(&records[i])
	}
	read := r.reader(NewBatch(r.fields, w.columns(), len(records)))
	for row, expected := range records {
		var found everything
		read(row, &found)
		equal(t, found, expected)
	}
	equal(t, []bool{r.fields[1].NotNull, r.fields[2].NotNull}, []bool{true, false})
}
