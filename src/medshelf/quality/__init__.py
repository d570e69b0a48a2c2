"""Numbers and Issues of any manifest: profile and checks."""
