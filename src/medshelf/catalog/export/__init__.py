"""The catalog in other forms: tables, Markdown pages, Croissant."""
