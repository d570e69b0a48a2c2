"""How datasets are found: the search index, and what the words of a search mean."""
