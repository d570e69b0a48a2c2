"""Labels, masks and shapes that contradict the data, each other or what they are for."""
