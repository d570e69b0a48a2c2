"""One module per target format, see `conversion.job.Writer`; found by name."""
