"""Synthetic lines: text from corpora, rendered in font faces, in the style of real lines."""
