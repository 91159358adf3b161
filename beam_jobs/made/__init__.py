"""Lines that are made: text, faces and looks drawn at random, for a data set without any photograph."""
