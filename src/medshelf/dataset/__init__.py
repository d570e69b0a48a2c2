"""A Dataset over a manifest: lazy decoding, items, batches, pictures."""
