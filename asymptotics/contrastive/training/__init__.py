"""Training a projector on pairs: losses, sources of pairs, descent."""
