"""Segmenters of others, run as they are: in an environment of their own, by their own command line.

A scan goes out as a NIfTI file, a label map comes back on the same grid and through a scheme. Nothing of theirs is
imported here, so nothing of theirs can clash with the libraries that spinefx stands on. Knows no network and no weights.
"""
