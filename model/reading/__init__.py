"""Reading: from images to texts with a trained network."""
