"""What a finished run gets wrong, how sure it is, where it looks, and for whom it works."""
