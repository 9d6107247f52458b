"""The report: one HTML file that opens offline, drawn from a run's folder.

It reads `run.json`, `findings.json` and the pictures beside them, and computes nothing. It knows no plugin by name
and imports nothing of the engine, of casework or of the packs.
"""

from spinefx.report.page import render, render_comparison

__all__ = ["render", "render_comparison"]
