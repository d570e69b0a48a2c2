"""Get raw files, verified. The only writer of raw trees."""
