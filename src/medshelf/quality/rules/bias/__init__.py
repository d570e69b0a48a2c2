"""What a network could learn instead of the disease."""
