"""Turns a folder of a tree into objects: kustomize, Helm, substitution. Needs no cluster and no network."""
