"""The transcription job: an exported model reads the images of lists."""
