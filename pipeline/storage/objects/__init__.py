"""Object stores (s3://, gs://, az://) by obstore: settings, files, locks, errors."""
