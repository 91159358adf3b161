"""Rendering: text, font face and style become the image of a line."""
