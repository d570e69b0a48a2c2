"""What every room shares: the manifest, tasks, issues, errors, settings, files on disk."""
