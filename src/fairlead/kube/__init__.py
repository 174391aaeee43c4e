"""The only code that talks to a Kubernetes API server: client, discovery, list and watch, server-side apply."""
