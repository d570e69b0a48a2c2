"""Where the values lie in the patient: sizes, spacing, axes, slices."""
