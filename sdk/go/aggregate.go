package wasmill

import (
	"errors"
	"fmt"
)

// Group1 is what an aggregate function of one argument keeps of a group: a struct whose exported fields
// are its state, as a table function's are its columns. The zero value is an empty group. Update must
// leave the group as it was where it fails.
type Group1[G, A, R any] interface {
	*G
	Update(a A) error
	// Merge adds a group that was gathered elsewhere.
	Merge(other G)
	// Evaluate is the group's value; the group stays as it is.
	Evaluate() (R, error)
}

// Group2 is the same for two arguments.
type Group2[G, A, B, R any] interface {
	*G
	Update(a A, b B) error
	Merge(other G)
	Evaluate() (R, error)
}

// Aggregate1 offers an aggregate function of one argument: Aggregate1[Mean, float64, Null[float64]]("mean").
// One whose group has a method Retract(A) error takes rows back.
func Aggregate1[G, A, R any, P Group1[G, A, R]](name string, options ...Option) {
	_, retracts := any(P(new(G))).(interface{ Retract(A) error })
	kind := groupKind[G, R]{
		state:    recordOf[G](),
		result:   codecOf[R](),
		retracts: retracts,
		merge:    func(group *G, other G) { P(group).Merge(other) },
		evaluate: func(group *G) (R, error) { return P(group).Evaluate() },
		rows: func(rows *Batch, r *rowReader, retract bool) func(int, *G) error {
			a := argument(r, rows, 0, codecOf[A]())
			if retract {
				return func(row int, group *G) error { return any(P(group)).(interface{ Retract(A) error }).Retract(a(row)) }
			}
			return func(row int, group *G) error { return P(group).Update(a(row)) }
		},
	}
	kind.register(name, []DataType{codecOf[A]().dataType}, options)
}

// Aggregate2 offers an aggregate function of two arguments. One whose group has a method
// Retract(A, B) error takes rows back.
func Aggregate2[G, A, B, R any, P Group2[G, A, B, R]](name string, options ...Option) {
	_, retracts := any(P(new(G))).(interface{ Retract(A, B) error })
	kind := groupKind[G, R]{
		state:    recordOf[G](),
		result:   codecOf[R](),
		retracts: retracts,
		merge:    func(group *G, other G) { P(group).Merge(other) },
		evaluate: func(group *G) (R, error) { return P(group).Evaluate() },
		rows: func(rows *Batch, r *rowReader, retract bool) func(int, *G) error {
			a := argument(r, rows, 0, codecOf[A]())
			b := argument(r, rows, 1, codecOf[B]())
			if retract {
				return func(row int, group *G) error {
					return any(P(group)).(interface{ Retract(A, B) error }).Retract(a(row), b(row))
				}
			}
			return func(row int, group *G) error { return P(group).Update(a(row), b(row)) }
		},
	}
	kind.register(name, []DataType{codecOf[A]().dataType, codecOf[B]().dataType}, options)
}

// groupKind is an aggregate function whose groups are values of G.
type groupKind[G, R any] struct {
	state    record
	result   codec[R]
	returns  Field
	retracts bool
	// rows reads a batch; what it gives adds a row to a group, or takes it back.
	rows     func(rows *Batch, r *rowReader, retract bool) func(row int, group *G) error
	merge    func(group *G, other G)
	evaluate func(group *G) (R, error)
}

func (k groupKind[G, R]) register(name string, arguments []DataType, options []Option) {
	if len(k.state.fields) == 0 {
		panic(fmt.Sprintf("wasmill: the groups of `%s` have no exported field", name))
	}
	k.returns = Field{Name: name, DataType: k.result.dataType}
	signature := typedSignature(name, arguments, []Field{k.returns}, options)
	RegisterAggregate(signature, func(*OpenContext) (AggregateFunction, error) { return &k, nil })
}

func (k *groupKind[G, R]) Returns() Field             { return k.returns }
func (k *groupKind[G, R]) State() []Field             { return k.state.fields }
func (k *groupKind[G, R]) Retracts() bool             { return k.retracts }
func (k *groupKind[G, R]) Accumulators() Accumulators { return &groups[G, R]{kind: k} }

type groups[G, R any] struct {
	kind   *groupKind[G, R]
	groups []G
}

func (g *groups[G, R]) grow(count int) {
	if more := count - len(g.groups); more > 0 {
		g.groups = append(g.groups, make([]G, more)...)
	}
}

func (g *groups[G, R]) add(rows *Batch, numbers []uint32, retract bool) error {
	var r rowReader
	call := g.kind.rows(rows, &r, retract)
	for row, number := range numbers {
		if !r.called(row) {
			continue
		}
		if err := call(row, &g.groups[number]); err != nil {
			r.bad.add(row, err)
		}
	}
	return r.bad.or()
}

func (g *groups[G, R]) Update(rows *Batch, numbers []uint32, count int) error {
	g.grow(count)
	return g.add(rows, numbers, false)
}

func (g *groups[G, R]) Retract(rows *Batch, numbers []uint32) error {
	return g.add(rows, numbers, true)
}

func (g *groups[G, R]) Merge(states *Batch, numbers []uint32, count int) error {
	g.grow(count)
	read := g.kind.state.reader(states)
	for row, number := range numbers {
		var other G
		read(row, &other)
		g.kind.merge(&g.groups[number], other)
	}
	return nil
}

func (g *groups[G, R]) State(count int) ([]*Column, error) {
	w := g.kind.state.writer()
	for i := range g.groups[:count] {
		w.add(&g.groups[i])
	}
	return w.columns(), nil
}

func (g *groups[G, R]) Evaluate(count int) (*Column, error) {
	var r rowReader
	column, err := evaluate(count, &r, g.kind.result, func(row int) (R, error) { return g.kind.evaluate(&g.groups[row]) })
	if rows, bad := err.(RowErrors); bad {
		// A group is no row of the job's.
		return nil, errors.New(rows[0].Message)
	}
	return column, err
}

func (g *groups[G, R]) Forget(count int) {
	g.groups = append([]G(nil), g.groups[count:]...)
}
