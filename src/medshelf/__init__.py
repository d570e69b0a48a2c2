"""medshelf: find, fetch, read, check, convert and benchmark public medical datasets."""

__version__ = "0.1.0"
