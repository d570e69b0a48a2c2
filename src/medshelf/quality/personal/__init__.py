"""What identifies a person: in headers, by the standard's table, and in texts."""
