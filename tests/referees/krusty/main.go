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

func build(options *krusty.Options, directory string) (string, error) {
	objects, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return "", err
	}
	text, err := objects.AsYaml()
	return string(text), err
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
