"""Regions: what they ask of a document, and the streams and pools that they make of it."""
