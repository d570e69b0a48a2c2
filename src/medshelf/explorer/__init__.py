"""A read-only local web app over everything that medshelf knows and holds."""
