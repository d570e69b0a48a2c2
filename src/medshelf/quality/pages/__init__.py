"""Profiles and findings as pages to look at, in English and Chinese."""
