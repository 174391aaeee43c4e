"""The custom resources, typed; the CRDs in ``crds/`` are generated from these types."""
