"""Lines that are made: text from corpora, drawn in faces of fonts, with looks like those of real lines."""
