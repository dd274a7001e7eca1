"""How lines become tokens, and tokens lines; ``seqgan.corpus.tokenizers`` chooses among them."""
