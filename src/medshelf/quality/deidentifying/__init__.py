"""Cleaned copies of files: what the headers say of persons is removed, pixels stay as they are."""
