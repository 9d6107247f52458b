"""Geometry of the spine as a whole: curves between endplates, and how bodies stand on each other."""
