"""Fairlead guides Git into Kubernetes: desired state is read from Git, and clusters are made to match it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
