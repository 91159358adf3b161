"""Text of synthetic lines, planned as a whole before any line is rendered."""
