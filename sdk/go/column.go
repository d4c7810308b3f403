package wasmill

import "fmt"

// handle is one of the host's, ours until it is given away or the call ends.
type handle struct {
	id    uint32
	drop  func(uint32)
	given bool
}

// owned are the handles of the call that is running; there is one at a time.
var owned []*handle

func own(id uint32, drop func(uint32)) *handle {
	h := &handle{id: id, drop: drop}
	owned = append(owned, h)
	return h
}

// give hands the handle over to the host, or to a column or a batch.
func (h *handle) give() uint32 {
	if h.given {
		panic("wasmill: a column or a batch is used twice")
	}
	h.given = true
	return h.id
}

// endCall lets go of what the call has not given away.
func endCall() {
	for i, h := range owned {
		if !h.given {
			h.drop(h.id)
		}
		owned[i] = nil
	}
	owned = owned[:0]
}

// Column is one in the host. It is good for the call in which it was got.
type Column struct {
	*handle
	dataType DataType
}

// NewColumn makes one of these buffers: one copy, into the host.
func NewColumn(a *Array) *Column {
	a.check()
	children := make([]uint32, len(a.Children))
	for i, child := range a.Children {
		children[i] = NewColumn(child).give()
	}
	return &Column{own(hostNewColumn(a, children), hostDropColumn), a.DataType}
}

// DataType is the column's type.
func (c *Column) DataType() DataType { return c.dataType }

// Read copies the column, with its children, into the plugin's memory.
func (c *Column) Read() *Array {
	return readColumn(c.id, c.dataType)
}

func readColumn(id uint32, dataType DataType) *Array {
	a := &Array{DataType: dataType}
	hostReadColumn(id, a)
	for i, child := range dataType.Children {
		column := hostChild(id, uint32(i))
		a.Children = append(a.Children, readColumn(column, child.DataType))
		hostDropColumn(column)
	}
	return a
}

// Batch is columns of one length in the host: nothing is copied until one is read. It is good for the
// call in which it was got.
type Batch struct {
	*handle
	fields []Field
	rows   int
}

// NewBatch makes one of these columns, which are used up, each of so many rows.
func NewBatch(fields []Field, columns []*Column, rows int) *Batch {
	if len(fields) != len(columns) {
		panic(fmt.Sprintf("wasmill: a batch of %d fields is made of %d columns", len(fields), len(columns)))
	}
	ids := make([]uint32, len(columns))
	for i, column := range columns {
		ids[i] = column.give()
	}
	return &Batch{own(hostNewBatch(fields, ids, rows), hostDropBatch), fields, rows}
}

// Rows is how many there are.
func (b *Batch) Rows() int { return b.rows }

// Fields are the columns' names and types.
func (b *Batch) Fields() []Field { return b.fields }

// Column is a handle to a column; nothing is copied.
func (b *Batch) Column(index int) *Column {
	dataType := b.fields[index].DataType
	return &Column{own(hostBatchColumn(b.id, uint32(index)), hostDropColumn), dataType}
}

// Read copies a column, with its children, into the plugin's memory.
func (b *Batch) Read(index int) *Array {
	dataType := b.fields[index].DataType
	if len(dataType.Children) > 0 {
		return b.Column(index).Read()
	}
	a := &Array{DataType: dataType}
	hostBatchRead(b.id, uint32(index), a)
	return a
}

// Project is a batch of some of the columns; nothing is copied.
func (b *Batch) Project(columns ...int) *Batch {
	ids := make([]uint32, len(columns))
	fields := make([]Field, len(columns))
	for i, column := range columns {
		ids[i], fields[i] = uint32(column), b.fields[column]
	}
	return &Batch{own(hostProject(b.id, ids), hostDropBatch), fields, b.rows}
}

// borrowed is a batch that the host lends for a call.
func borrowed(id uint32, fields []Field) *Batch {
	return &Batch{own(id, hostDropBatch), fields, int(hostBatchRows(id))}
}

// Model is one that the job granted; it runs in the host, on the host's own columns.
type Model struct {
	id              uint32
	inputs, outputs []Field
}

// OpenModel is for functions that open: the model lives as long as they.
func OpenModel(name string) (*Model, error) {
	id, err := hostOpenModel(name)
	if err != nil {
		return nil, err
	}
	inputs, outputs := hostModelSignature(id)
	return &Model{id, inputs, outputs}, nil
}

// Inputs are the features, by position.
func (m *Model) Inputs() []Field { return m.inputs }

// Outputs are the columns of a prediction.
func (m *Model) Outputs() []Field { return m.outputs }

// Version changes whenever the model does.
func (m *Model) Version() string { return hostModelVersion(m.id) }

// Predict gives predictions for features, by position. Nothing is copied into the plugin.
func (m *Model) Predict(features *Batch) (*Batch, error) {
	id, err := hostPredict(m.id, features.id)
	if err != nil {
		return nil, err
	}
	return &Batch{own(id, hostDropBatch), m.outputs, int(hostBatchRows(id))}, nil
}

// Level is how serious a line of the log is.
type Level uint8

const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
)

// Logf writes a line to the host's log.
func Logf(level Level, format string, arguments ...any) {
	hostLog(level, fmt.Sprintf(format, arguments...))
}

// Counter adds to a metric of the function's own.
func Counter(name string, add uint64) { hostCounter(name, add) }

// Gauge sets one.
func Gauge(name string, value float64) { hostGauge(name, value) }

// Histogram adds a value to one.
func Histogram(name string, value float64) { hostHistogram(name, value) }
