"""Geometry of intervertebral discs: frame, endplates, outline, and what follows from them."""
