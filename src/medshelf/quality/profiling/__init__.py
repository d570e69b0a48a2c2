"""The numbers of a profile, one module per topic."""
