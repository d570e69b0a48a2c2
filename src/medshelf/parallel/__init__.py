"""Map a function over shards of items: local processes or a Ray cluster, resumable, same bytes."""
