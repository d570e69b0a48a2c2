"""Opened manifests: which rows a state of the page chooses, in which order, and how many."""
