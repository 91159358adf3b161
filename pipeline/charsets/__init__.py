"""Charset files: their reader, and what files of other tools look like."""
