//go:build !wasm

package wasmill

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// shown is a column's values.
func shown(a *Array) string {
	text := ""
	for row := range a.Length {
		if row > 0 {
			text += " "
		}
		text += shownValue(a, row)
	}
	return text
}

func shownValue(a *Array, row int) string {
	if a.IsNull(row) {
		return "NULL"
	}
	switch a.DataType.Kind {
	case Utf8:
		return a.Text(row)
	case Struct:
		return shownValue(a.Children[0], row) + "=" + shownValue(a.Children[1], row)
	case List:
		text := "["
		start, end := a.Range(row)
		for item := start; item < end; item++ {
			if item > start {
				text += " "
			}
			text += shownValue(a.Children[0], item)
		}
		return text + "]"
	}
	switch items := a.Items.(type) {
	case []int64:
		return fmt.Sprint(items[row])
	case []float64:
		return fmt.Sprint(items[row])
	}
	return "?"
}

// process calls a function with rows, or timers, of two keys, and gives what it handed over and gave.
func process(t *testing.T, name string, numbers []uint32, rows *Batch, slots ...*Column) string {
	t.Helper()
	function, err := open(processes, name, NewOpenContext(nil))
	equal(t, err, nil)
	return called(t, function, numbers, rows, nil, slots...)
}

func called(t *testing.T, function ProcessFunction, numbers []uint32, rows *Batch, broadcast *Batch, slots ...*Column) string {
	t.Helper()
	defer nothingLeft(t)
	nativeState = &nativeKeyed{keys: 2, numbers: numbers}
	for _, slot := range slots {
		nativeState.slots = append(nativeState.slots, slot.Read())
	}
	for row := range numbers {
		nativeState.times = append(nativeState.times, 10*int64(row))
	}
	if broadcast != nil {
		nativeState.broadcast, nativeState.version = broadcast.id, uint64(broadcast.id)
	}
	keyed := lentKeyed(0, function.Slots(), function.Broadcast())
	var outputs []Output
	var err error
	if rows.Fields()[0].Name == "name" {
		outputs, err = function.OnTimers(readTimers(rows), keyed)
	} else {
		outputs, err = function.BatchEval(rows, keyed)
	}
	var lines []string
	for _, handed := range nativeState.handed {
		line := fmt.Sprintf("%s %v", handed.what, handed.keys)
		for _, column := range handed.columns {
			line += ": " + shown(column)
		}
		lines = append(lines, line)
	}
	for _, output := range outputs {
		line := fmt.Sprintf("gave %v of %v", output.Side, output.Origins)
		for i := range output.Rows.Fields() {
			line += ": " + shown(output.Rows.Column(i).Read())
		}
		lines = append(lines, line)
	}
	if err != nil {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

func lines(lines ...string) string { return strings.Join(lines, "\n") }

type valueRow struct{ X int64 }

type counter struct {
	Count int64
	Ratio float64
	Text  string
	Last  Null[int64]
	note  int
}

func (c *counter) Eval(call *Call[valueRow], row valueRow) error {
	c.Count += row.X
	call.SetTimer("t", row.X)
	if c.Count < 0 || c.Count >= 100 {
		return fmt.Errorf("%d is wrong", c.Count)
	}
	call.Emit(valueRow{c.Count})
	return nil
}

func (c *counter) OnTimer(call *Call[valueRow], timer string) error {
	if timer == "bad" {
		return errors.New("a bad timer")
	}
	*c = counter{Last: Of(int64(0)), Ratio: math.Copysign(0, -1), Text: "a"}
	return nil
}

func counters() []*Column {
	negative := math.Copysign(0, -1)
	return []*Column{columnOf(Of(int64(1)), null[int64]()), columnOf(Of(negative), null[float64]()),
		columnOf(Of("a"), null[string]()), columnOf(Of(int64(0)), null[int64]())}
}

func timersOf(names ...string) *Batch {
	at := make([]int64, len(names))
	return NewBatch(timerFields, []*Column{columnOf(names...), columnOf(at...)}, len(names))
}

func TestAValueThatHasChangedIsWritten(t *testing.T) {
	defer func() { processes = nil }()
	Process[counter, valueRow, valueRow]("counter")
	found := process(t, "counter", []uint32{0, 1, 0}, batchOf(columnOf[int64](1, 2, 3)), counters()...)
	equal(t, found, lines("write 0 [0 1]: 5 2", "timer t of clock 0 [1 0]: 2 3", "gave {0 false} of [0 1 2]: 2 2 5"))
	// Of one key there is nothing left; a row with NULL is not called.
	found = process(t, "counter", []uint32{0, 1, 0}, batchOf(columnOf(Of(int64(-1)), Of(int64(0)), null[int64]())), counters()...)
	equal(t, found, lines("write 0 [0]: NULL", "timer t of clock 0 [0 1]: -1 0", "gave {0 false} of [0 1]: 0 0"))
	// What is the same to the bit is not written again.
	found = process(t, "counter", []uint32{0, 1}, timersOf("x", "y"), counters()...)
	equal(t, found, lines("write 0 [0]: NULL", "write 1 [1]: -0", "write 2 [1]: a", "write 3 [1]: 0"))
}

func TestAllRowsThatFailAreToldAndLeaveNoTrace(t *testing.T) {
	defer func() { processes = nil }()
	Process[counter, valueRow, valueRow]("counter")
	// 1 + 5 + 3 is right, without the 100.
	found := process(t, "counter", []uint32{0, 0, 1, 0, 1}, batchOf(columnOf[int64](5, 100, -1, 3, 2)), counters()...)
	equal(t, found, "row 1: 106 is wrong; row 2: -1 is wrong")
	found = process(t, "counter", []uint32{0, 1}, timersOf("bad", "good"), counters()...)
	equal(t, found, "row 0: a bad timer")
}

type many struct {
	List ListState[string]
	Map  MapState[string, int64]
	// Binary is a slice, which is copied where a row may fail.
	Binary []byte `ttl:"90s"`
}

type textRow struct{ Text string }

func (m *many) Eval(call *Call[textRow], row textRow) error {
	switch row.Text {
	case "add":
		length := m.List.Len()
		m.List.Push(fmt.Sprint("at ", length))
		m.Map.Remove("x")
		y, _ := m.Map.Get("y")
		m.Map.Put("y", y+10)
		m.Map.Put(fmt.Sprint("z", length), 0)
	case "forget":
		*m = many{}
	case "replace":
		m.List.Set(append([]string{"first"}, m.List.Items()...))
		m.Map.Clear()
		m.Map.Put("new", 3)
	case "fail":
		m.List.Push("never")
		m.Map.Put("never", 1)
		m.Map.Remove("y")
		for i := range m.Binary {
			m.Binary[i] = 'x'
		}
		return errors.New("as it should")
	case "look":
		for key, value := range m.Map.All() {
			call.Emit(textRow{fmt.Sprint(key, "=", value, " of ", m.Map.Len())})
		}
		call.Emit(textRow{fmt.Sprint(m.List.Len(), " ", string(m.Binary))})
		if m.Map.Len() == 2 {
			return errors.New(fmt.Sprint(m.List.Items(), " ", string(m.Binary)))
		}
	}
	return nil
}

func manys() []*Column {
	b := NewBuilder(Slot{Kind: MapSlot, Key: Type(Utf8), Value: Type(Int64)}.dataType())
	for i, key := range []string{"x", "y"} {
		b.Child(0).Child(0).AppendText(key)
		AppendNumber(b.Child(0).Child(1), int64(i+1))
		b.Child(0).AppendNested()
	}
	b.AppendNested()
	b.AppendNested()
	return []*Column{columnOf([]string{"a", "b"}, []string{}), NewColumn(b.Array()), columnOf(Of([]byte("b")), null[[]byte]())}
}

func TestListsAndMapsKnowWhatHasChanged(t *testing.T) {
	defer func() { processes = nil }()
	Process[many, textRow, textRow]("many")
	function, _ := open(processes, "many", NewOpenContext(nil))
	equal(t, []any{function.Slots()[2].TTL.Seconds(), function.Slots()[1].Name, function.Slots()[1].Kind}, []any{90.0, "map", MapSlot})
	do := func(what string) string {
		return process(t, "many", []uint32{0, 1}, batchOf(columnOf(what, what)), manys()...)
	}
	equal(t, process(t, "many", []uint32{0, 1, 0}, batchOf(columnOf("add", "add", "add")), manys()...),
		lines("append 0 [0 0 1]: at 2 at 3 at 0", "put 1 [0 0 0 0 1 1]: x y z2 z3 y z0: NULL 22 0 0 10 0"))
	equal(t, do("forget"), lines("write 0 [0]: []", "write 1 [0]: []", "write 2 [0]: NULL"))
	equal(t, do("replace"), lines("write 0 [0]: [first a b]", "append 0 [1]: first", "write 1 [0]: [new=3]", "put 1 [1]: new: 3"))
	equal(t, process(t, "many", []uint32{1}, batchOf(columnOf("look")), manys()...), "gave {0 false} of [0]: 0 ")
	equal(t, process(t, "many", []uint32{0, 0}, batchOf(columnOf("fail", "look")), manys()...),
		"row 0: as it should; row 1: [a b] b")
}

type two struct{ One, Other MapState[string, int64] }

func (s *two) Eval(*Call[textRow], textRow) error {
	s.One, s.Other = s.Other, s.One
	return nil
}

func TestAMapInThePlaceOfAnotherIsWritten(t *testing.T) {
	defer func() { processes = nil }()
	Process[two, textRow, textRow]("two")
	full, none := manys()[1], NewBuilder(Slot{Kind: MapSlot, Key: Type(Utf8), Value: Type(Int64)}.dataType())
	none.AppendNested()
	none.AppendNested()
	found := process(t, "two", []uint32{0}, batchOf(columnOf("")), full, NewColumn(none.Array()))
	equal(t, found, lines("write 0 [0]: []", "put 1 [0 0]: x y: 1 2"))
}

type timing struct{}

func (*timing) Eval(call *Call[textRow], row textRow) error {
	switch row.Text {
	case "set":
		call.SetTimer("t", call.Time().Value)
	case "clear":
		call.ClearTimer("t")
	default:
		call.SetProcessingTimer("u", call.Now())
	}
	return nil
}

func TestTheLastWordOnATimerCounts(t *testing.T) {
	defer func() { processes = nil }()
	Process[timing, textRow, textRow]("timing")
	rows := batchOf(columnOf("set", "set", "set", "clear", "now"))
	equal(t, process(t, "timing", []uint32{0, 1, 0, 1, 0}, rows),
		lines("timer t of clock 0 [0]: 20", "no timer t [1]", "timer u of clock 1 [0]: 7"))
	call := NewCall[textRow](At{Time: Of(int64(5))})
	equal(t, new(timing).Eval(call, textRow{"set"}), nil)
	at, ok := call.Timer("t")
	equal(t, []any{at, ok}, []any{int64(5), true})
}

type limitRow struct {
	Name string
	Most int64
}

var (
	testFew    = NewSideOutput[limitRow]("few")
	testMany   = NewSideOutput[valueRow]("many")
	testLimits = NewBroadcastTable(func(rows []limitRow) map[string]int64 {
		most := map[string]int64{}
		for _, row := range rows {
			most[row.Name] = row.Most
		}
		return most
	})
)

type sides struct{}

func (*sides) Eval(call *Call[textRow], row textRow) error {
	testMany.Give(call, valueRow{testLimits.Of(call)[row.Text]})
	testFew.Give(call, limitRow{row.Text, 1})
	return nil
}

func TestRowsGoWhereTheyShould(t *testing.T) {
	defer func() { processes = nil }()
	options := []Option{SideOutputs(testFew, testMany), Broadcast(testLimits)}
	Process[sides, textRow, textRow]("sides", options...)
	function, _ := open(processes, "sides", NewOpenContext(nil))
	equal(t, []string{function.SideOutputs()[1].Name, function.Broadcast()[1].Name}, []string{"many", "most"})
	limits := func() *Batch {
		return batchOf(columnOf("a", "b", "a"), columnOf(Of(int64(1)), Of(int64(2)), null[int64]()))
	}
	found := called(t, function, []uint32{0, 1}, batchOf(columnOf("a", "b")), limits())
	equal(t, found, lines("gave {0 true} of [0 1]: a b: 1 1", "gave {1 true} of [0 1]: 1 2"))
	call := NewCall[textRow](At{Options: options, Broadcast: map[string]int64{"a": 7}})
	equal(t, new(sides).Eval(call, textRow{"a"}), nil)
	equal(t, testMany.Given(call), []valueRow{{7}})
}

type badTime struct {
	Last int64 `ttl:"1 h"`
}

func (*badTime) Eval(*Call[textRow], textRow) error { return nil }

func TestATimeToLiveIsChecked(t *testing.T) {
	defer func() {
		equal(t, recover(), any("wasmill: the ttl `1 h` of Last is no whole number of milliseconds, such as 90s or 24h"))
	}()
	Process[badTime, textRow, textRow]("f")
}
