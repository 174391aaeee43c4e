// Answers which kustomization Flux makes of a folder. Reads one JSON object per line: {"files"} by path, {"folder"} and
// the {"spec"} of a Kustomization; the answer adds the file's content as {"made"}, or {"error"}.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

type question struct {
	Files  map[string]string `json:"files"`
	Folder string            `json:"folder"`
	Spec   map[string]any    `json:"spec"`
	Made   any               `json:"made,omitempty"`
	Error  string            `json:"error,omitempty"`
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ask(q *question) {
	root, err := os.MkdirTemp("", "generator")
	must(err)
	defer os.RemoveAll(root)
	for path, text := range q.Files {
		full := filepath.Join(root, path)
		must(os.MkdirAll(filepath.Dir(full), 0o755))
		must(os.WriteFile(full, []byte(text), 0o644))
	}
	object := unstructured.Unstructured{Object: map[string]any{"spec": q.Spec}}
	content, _, _, err := kustomize.NewGenerator(root, object).GenerateManifest(filepath.Join(root, q.Folder))
	if err != nil {
		q.Error = "refused"
		return
	}
	must(yaml.Unmarshal(content, &q.Made))
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var q question
		must(json.Unmarshal(in.Bytes(), &q))
		ask(&q)
		must(out.Encode(q))
	}
}
