"""A profile as a dataset card, and beside what the catalog states."""
