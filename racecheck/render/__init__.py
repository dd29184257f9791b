"""Reports and traces for a reader."""
