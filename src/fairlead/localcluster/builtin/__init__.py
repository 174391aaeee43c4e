"""What the API server does in code for its own kinds: defaults, validation, and rules per kind."""
