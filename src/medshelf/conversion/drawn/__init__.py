"""What is drawn on pictures, as boxes, outlines and run lengths."""
