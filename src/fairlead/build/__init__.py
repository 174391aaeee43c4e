"""A folder in, objects out; pure functions that know no cluster and no network."""
