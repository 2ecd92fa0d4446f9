"""One submission: the course it belongs to, its exercises judged, and its verdict on disk."""
