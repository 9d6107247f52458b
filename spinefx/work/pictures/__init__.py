"""What a case looks like: at a glance, as it was measured, and small enough for the viewer."""
