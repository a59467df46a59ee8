"""What is reported of a classifier, from its order parameters."""
