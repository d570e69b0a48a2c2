"""Samples as rows with typed columns."""
