"""Where desired state comes from: a revision in, a tree in the object store out. Knows no Kubernetes."""
