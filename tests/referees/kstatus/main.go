// Answers whether objects are ready, as kstatus says. Reads one object per line, writes it with status and message.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type answer struct {
	Object  json.RawMessage `json:"object"`
	Status  string          `json:"status"`
	Message string          `json:"message"`
	Error   bool            `json:"error,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for lines.Scan() {
		text := append([]byte(nil), lines.Bytes()...)
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			panic(err)
		}
		found, err := status.Compute(object)
		reply := answer{Object: text, Error: err != nil}
		if found != nil {
			reply.Status, reply.Message = found.Status.String(), found.Message
		}
		if err := out.Encode(reply); err != nil {
			panic(err)
		}
	}
}
