"""Saving results with DVC, and putting them back where they correspond."""
