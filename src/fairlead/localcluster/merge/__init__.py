"""How objects combine: server-side apply with managed fields, and the three kinds of patches."""
