"""Real kernel logs: page_ref traces read, put in order, and held against the models."""
