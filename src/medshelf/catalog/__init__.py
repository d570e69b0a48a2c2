"""What is known of each dataset: one YAML record per id."""
