"""Averages over a Gaussian: no model in them."""
