"""What the terms of the data allow."""
