"""Privacy: what names, locates or shows a person."""
