"""One module per page: its view, how it is made, and where it lies."""
