"""Geometry of the spinal canal."""
