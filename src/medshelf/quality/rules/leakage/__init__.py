"""Samples that stand on both sides of a split, or in two datasets."""
