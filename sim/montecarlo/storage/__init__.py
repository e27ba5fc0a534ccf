"""Results on disk: durable writes, manifests with checksums, and folders that one process owns."""
