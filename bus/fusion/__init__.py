"""What is one story, and how sure are we? Pure: values and times in, clusters and alerts out."""
