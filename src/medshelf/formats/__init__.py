"""One module per file format: bytes to arrays and back. No dataset knowledge."""
