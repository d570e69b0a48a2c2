"""Whether the files are there, whole, and what they say they are."""
