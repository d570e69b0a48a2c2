"""Batches of images in arrays, filled in one pass into memory that is used again."""
