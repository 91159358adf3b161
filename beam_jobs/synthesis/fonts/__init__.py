"""Font faces, and which characters each one has."""
