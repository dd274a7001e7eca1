"""What a set of generated sentences is worth, each number with its signature."""
