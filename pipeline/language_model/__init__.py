"""Character n-gram language models: counts, estimates, files, scores. Needs neither TensorFlow nor Beam."""
