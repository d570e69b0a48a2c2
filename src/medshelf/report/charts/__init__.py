"""Charts as hand-made SVG: one module per kind. Colours come from `charts.css`."""
