"""Bytes on their way: connections, ranges, resume, many files at once."""
