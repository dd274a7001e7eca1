"""One page that shows an experiment: what was found, how sure it is, and how it came about."""
