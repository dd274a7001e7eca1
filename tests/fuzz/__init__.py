"""Thousands of random and hostile inputs: each ends in success or one clear line."""
