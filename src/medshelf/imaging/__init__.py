"""What is done to arrays: make, tile, draw. No files."""
