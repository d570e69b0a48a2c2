"""Corrected copies of files, with a record of what was changed; raw trees stay as they are."""
