"""One module per target format: write(manifest, folder)."""
