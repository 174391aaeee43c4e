// Answers what Flux's controllers find when they download an artifact. Questions and answers are JSON, one object a line.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/http/fetch"
	"github.com/fluxcd/pkg/tar"
)

type question struct {
	URL    string `json:"url"`
	Digest string `json:"digest"`
}

type file struct {
	Mode   string `json:"mode"`
	SHA256 string `json:"sha256"`
}

type answer struct {
	Error string          `json:"error"`
	Files map[string]file `json:"files"`
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
		if err := out.Encode(fetched(asked)); err != nil {
			panic(err)
		}
	}
}

func fetched(asked question) answer {
	folder, err := os.MkdirTemp("", "fetch-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	fetcher := fetch.New(fetch.WithRetries(0), fetch.WithUntar(tar.WithMaxUntarSize(tar.UnlimitedUntarSize)))
	if err := fetcher.Fetch(asked.URL, asked.Digest, folder); err != nil {
		return answer{Error: err.Error()}
	}
	found := map[string]file{}
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		found[filepath.ToSlash(name)] = file{info.Mode().String(), fmt.Sprintf("%x", sha256.Sum256(text))}
		return err
	})
	if err != nil {
		panic(err)
	}
	return answer{Files: found}
}
