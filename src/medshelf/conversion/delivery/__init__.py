"""Where a product grows and where it appears: a folder, or an object store."""
