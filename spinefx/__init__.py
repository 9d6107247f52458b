"""spinefx: from spine scans to insight."""

__version__ = "0.1.0"
