"""What a searched space says about the properties of a model."""
