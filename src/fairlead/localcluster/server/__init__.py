"""The HTTP side of the local cluster and everything that happens to an object between a request and the store."""
