"""Pixels of samples on their way to a browser: thumbnails, pictures, slices, masks."""
