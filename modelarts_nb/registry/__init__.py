"""OCI registries over HTTP: what is there, of which kind."""
