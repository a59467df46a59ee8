"""Estimation: what n ≈ p labelled features say of the spectrum they come from, and how surely."""
