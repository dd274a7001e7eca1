"""Whether generated sentences are sentences of their domain at all."""
