"""What samples state in words and facts, and files put together from parts."""
