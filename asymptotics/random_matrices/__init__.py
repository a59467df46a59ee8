"""Random matrices: the laws of sample spectra."""
