"""One dataset as a card, several side by side: finished texts, before anyone says how they look."""
