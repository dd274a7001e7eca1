"""The experiment as closed, immutable data; nothing in here imports torch."""
