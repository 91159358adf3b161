"""Steps between an image file and a line: its kind of file, contrast, polarity and fit. See pipeline.images."""
