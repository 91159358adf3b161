"""Jobs that turn lists of line images into records, at any size."""
