"""Self-contained HTML pages and SVG charts, shared by whatever has something to show."""
