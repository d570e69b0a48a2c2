"""Drop-in faces of other packages: the same names, on this house."""
