"""Images and masks of one case on one grid, with consecutive labels."""
