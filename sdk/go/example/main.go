// A plugin of each kind of function.
package main

import (
	"fmt"
	"strings"

	wasmill "github.com/wasmill/wasmill/sdk/go"
)

func main() {}

func init() {
	wasmill.Scalar2("add", add, wasmill.Description("The sum of two whole numbers."))
	wasmill.Table1("words", words, wasmill.Description("The words of a text, each with its place."),
		wasmill.ArgumentNames("text"))
	wasmill.Aggregate1[Mean, float64, wasmill.Null[float64]]("mean",
		wasmill.Description("The mean of the values that are not NULL."), wasmill.ArgumentNames("value"))

	wasmill.RegisterScalar(wasmill.Signature{
		Name:        "greet",
		Description: "Says hello.",
		Arguments:   wasmill.Exact(wasmill.Field{Name: "name", DataType: wasmill.Type(wasmill.Utf8)}),
		Returns:     []wasmill.Field{greetingField},
		Parameters:  []wasmill.Parameter{wasmill.OptionalParameter("greeting", "the words before the name", "Hello")},
	}, openGreet)
	wasmill.RegisterScalar(wasmill.Signature{
		Name:        "echo",
		Description: "Its argument, read and made anew.",
	}, openEcho)
	wasmill.RegisterScalar(wasmill.Signature{
		Name:        "score",
		Description: "A model's prediction; the arguments are its features.",
		Arguments:   wasmill.Variadic(wasmill.Field{Name: "feature", DataType: wasmill.Type(wasmill.Float64)}),
		Returns:     []wasmill.Field{scoreField},
		Parameters:  []wasmill.Parameter{wasmill.RequiredParameter("model", "the model's name in the job")},
	}, openScore)
}

// add is over rows, with an error a row.
func add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) {
		return 0, fmt.Errorf("%d + %d is out of range", a, b)
	}
	return sum, nil
}

// greet has a parameter.
type greet struct{ greeting string }

var greetingField = wasmill.Field{Name: "greeting", DataType: wasmill.Type(wasmill.Utf8)}

func openGreet(context *wasmill.OpenContext) (wasmill.ScalarFunction, error) {
	greeting, err := context.Required("greeting")
	if err != nil {
		return nil, err
	}
	if greeting == "" {
		return nil, wasmill.Invalidf("the parameter 'greeting' is empty")
	}
	return greet{greeting}, nil
}

func (greet) Returns() wasmill.Field { return greetingField }

func (g greet) BatchEval(rows *wasmill.Batch) (*wasmill.Column, error) {
	return wasmill.Map1(rows, func(name string) (string, error) { return g.greeting + ", " + name + "!", nil })
}

// echo is over whole columns, of a type that it learns when it is opened.
type echo struct{ returns wasmill.Field }

func openEcho(context *wasmill.OpenContext) (wasmill.ScalarFunction, error) {
	if len(context.Arguments) != 1 {
		return nil, wasmill.Invalidf("echo takes one argument")
	}
	return echo{context.Arguments[0]}, nil
}

func (e echo) Returns() wasmill.Field { return e.returns }

func (echo) BatchEval(rows *wasmill.Batch) (*wasmill.Column, error) {
	return wasmill.NewColumn(rows.Read(0)), nil
}

// score asks a model; the features stay in the host.
type score struct{ model *wasmill.Model }

var scoreField = wasmill.Field{Name: "score", DataType: wasmill.Type(wasmill.Float64)}

func openScore(context *wasmill.OpenContext) (wasmill.ScalarFunction, error) {
	name, err := context.Required("model")
	if err != nil {
		return nil, err
	}
	model, err := wasmill.OpenModel(name)
	if err != nil {
		return nil, err
	}
	return score{model}, nil
}

func (score) Returns() wasmill.Field { return scoreField }

func (s score) BatchEval(rows *wasmill.Batch) (*wasmill.Column, error) {
	predictions, err := s.model.Predict(rows)
	if err != nil {
		return nil, err
	}
	return predictions.Column(0), nil
}

// Word is a row of words.
type Word struct {
	Word  string
	Place int64
}

// words gives any number of rows for one.
func words(text string, emit func(Word)) error {
	place := int64(0)
	for word := range strings.SplitSeq(text, " ") {
		if word != "" {
			place++
			emit(Word{word, place})
		}
	}
	return nil
}

// Mean is a group: its fields are its state.
type Mean struct {
	Sum   float64
	Count int64
}

func (m *Mean) Update(value float64) error {
	m.Sum += value
	m.Count++
	return nil
}

func (m *Mean) Retract(value float64) error {
	m.Sum -= value
	m.Count--
	return nil
}

func (m *Mean) Merge(other Mean) {
	m.Sum += other.Sum
	m.Count += other.Count
}

func (m *Mean) Evaluate() (wasmill.Null[float64], error) {
	if m.Count == 0 {
		return wasmill.Null[float64]{}, nil
	}
	return wasmill.Of(m.Sum / float64(m.Count)), nil
}
