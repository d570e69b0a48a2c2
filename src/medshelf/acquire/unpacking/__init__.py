"""Archives into folders, whole or not at all, with nothing that an archive should not hold."""
