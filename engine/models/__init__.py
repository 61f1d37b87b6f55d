"""Encoders and model families: from a document to a Keras model."""
