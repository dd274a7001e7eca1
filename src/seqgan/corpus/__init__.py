"""From a text file or an oracle to arrays of tokens."""
