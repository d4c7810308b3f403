package wasmill

import (
	"errors"
	"fmt"
	"strings"
)

// InvalidError says that the job is wrong: a bad parameter, bad argument types.
type InvalidError struct{ Message string }

func (e *InvalidError) Error() string { return e.Message }

// Invalidf makes an [InvalidError].
func Invalidf(format string, arguments ...any) error {
	return &InvalidError{fmt.Sprintf(format, arguments...)}
}

// RowError says what is wrong with a row, counted from 0 in its batch.
type RowError struct {
	Row     int
	Message string
}

// RowErrors are the bad rows of a batch, all of them, in their order.
type RowErrors []RowError

func (e RowErrors) Error() string {
	messages := make([]string, len(e))
	for i, row := range e {
		messages[i] = fmt.Sprintf("row %d: %s", row.Row, row.Message)
	}
	return strings.Join(messages, "; ")
}

// or is nil where no row is bad.
func (e RowErrors) or() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

func (e *RowErrors) add(row int, err error) {
	*e = append(*e, RowError{row, err.Error()})
}

// errorCase is the case of the contract's error.
type errorCase uint8

const (
	caseInvalid errorCase = iota
	caseRows
	caseFailed
)

func caseOf(err error) (errorCase, RowErrors) {
	var rows RowErrors
	var invalid *InvalidError
	switch {
	case errors.As(err, &rows) && len(rows) > 0:
		return caseRows, rows
	case errors.As(err, &invalid):
		return caseInvalid, nil
	default:
		return caseFailed, nil
	}
}
