// Answers which files Flux's ignore rules leave in an artifact. Questions and answers are JSON, one object a line.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

type ignoreFile struct {
	Folder []string `json:"folder"`
	Text   string   `json:"text"`
}

type question struct {
	Files []ignoreFile `json:"ignoreFiles"` // outer ones first
	Spec  *string      `json:"spec"`
	Paths []string     `json:"paths"`
	Kept  []string     `json:"kept"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		asked.Kept = kept(asked)
		if err := out.Encode(asked); err != nil {
			panic(err)
		}
	}
}

func kept(asked question) []string {
	root := []string{"root"}
	var rules []gitignore.Pattern
	for _, file := range asked.Files {
		folder := append(append([]string{}, root...), file.Folder...)
		rules = append(rules, sourceignore.ReadPatterns(strings.NewReader(file.Text), folder)...)
	}
	if asked.Spec != nil {
		rules = append(rules, sourceignore.ReadPatterns(strings.NewReader(*asked.Spec), root)...)
	}
	matcher := sourceignore.NewDefaultMatcher(rules, root)
	if len(rules) > 0 {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(root), rules...))
	}
	found := []string{}
	for _, path := range asked.Paths {
		if !matcher.Match(append(append([]string{}, root...), strings.Split(path, "/")...), false) {
			found = append(found, path)
		}
	}
	return found
}
