"""What a text line is, on disk and in memory."""
