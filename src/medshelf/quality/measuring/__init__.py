"""One pass over the files of a manifest: what the rules and the profile count on."""
