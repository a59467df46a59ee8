"""Studies over many settings: labelled grids, growing sizes."""
