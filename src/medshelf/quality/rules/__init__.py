"""One module per rule, in a folder per area; found by name."""
