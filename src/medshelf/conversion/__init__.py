"""What happens to samples on their way into another format, whatever the format."""
