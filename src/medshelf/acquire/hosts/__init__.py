"""One module per kind of source, found by the scheme of a file's URL."""
