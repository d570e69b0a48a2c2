"""What lies on disk: where, whether it is what was published, and what is written beside it."""
