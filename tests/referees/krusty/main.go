// Prints what a kustomization builds to, by the kustomize library itself: a referee for the build engine.
// Usage: krusty [--reorder=none|legacy] [--load-restrictor=LoadRestrictionsNone] DIRECTORY...
// With several directories each answer is framed by a line "=== directory status".
package main

import (
	"flag"
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// The library panics on some broken input; that, too, is an answer.
func build(options *krusty.Options, directory string) (text string, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return "", err
	}
	content, err := objects.AsYaml()
	return string(content), err
}

func main() {
	reorder := flag.String("reorder", "none", "none or legacy, for folders without sortOptions")
	restrictor := flag.String("load-restrictor", "", "LoadRestrictionsNone allows files outside of the folder")
	flag.Parse()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOption(*reorder)
	if *restrictor == "LoadRestrictionsNone" {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	failed := false
	for _, directory := range flag.Args() {
		text, err := build(options, directory)
		status := "ok"
		if err != nil {
			status, failed = "error", true
			fmt.Fprintln(os.Stderr, "Error:", err)
		}
		if flag.NArg() > 1 {
			fmt.Printf("=== %s %s\n", directory, status)
		}
		fmt.Print(text)
	}
	if failed {
		os.Exit(1)
	}
}
