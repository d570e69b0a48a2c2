"""Writing a record: the skeleton of a new one, and the checks of all of them."""
