// Answers how Flux substitutes variables. Reads one JSON object per line: {"variables"} holds for the lines after it,
// {"text"} is a question; an answer has the text after substitution in both modes, or null for an error.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/fluxcd/pkg/envsubst"
)

type question struct {
	Text      *string           `json:"text,omitempty"`
	Variables map[string]string `json:"variables,omitempty"`
}

type answer struct {
	Text   string  `json:"text"`
	Lax    *string `json:"lax"`
	Strict *string `json:"strict"`
	Error  string  `json:"error,omitempty"`
}

func ask(text string, variables map[string]string, strict bool) (answer *string, message string) {
	defer func() {
		if recover() != nil {
			answer, message = nil, "panic"
		}
	}()
	result, err := envsubst.Eval(text, func(name string) (string, bool) {
		if strict {
			value, found := variables[name]
			return value, found
		}
		return variables[name], true
	})
	if err != nil {
		return nil, err.Error()
	}
	return &result, ""
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	var variables map[string]string
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		var result any = q
		if q.Text == nil {
			variables = q.Variables
		} else {
			a := answer{Text: *q.Text}
			a.Lax, a.Error = ask(a.Text, variables, false)
			a.Strict, a.Error = ask(a.Text, variables, true)
			result = a
		}
		if err := out.Encode(result); err != nil {
			panic(err)
		}
	}
}
