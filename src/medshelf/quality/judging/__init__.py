"""What rules judge by: ties, twins, crossings, grids, outliers, and how they say it."""
