//go:build tools

// Package tools pins the real sops, which makes the test vectors: `go build -o sops github.com/getsops/sops/v3/cmd/sops`.
package tools

import _ "github.com/getsops/sops/v3/cmd/sops"
