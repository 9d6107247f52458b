"""Geometry of vertebral bodies, told from their arches."""
