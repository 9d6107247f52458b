"""The plan room: pipeline.toml -> frozen `Plan`, and the registry that finds plugins and picks them by name.

It knows the contract and the sections of a pipeline; it knows no plugin, opens no image and computes nothing.
"""

from __future__ import annotations

from spinefx.plan.offers import Broken, Offer
from spinefx.plan.plan import Plan
from spinefx.plan.registry import Registry
from spinefx.plan.schema import pipeline_schema
from spinefx.plan.sections import ReportOptions, RunOptions, SampleOptions, SplitOptions
from spinefx.plan.stage import Stage

__all__ = [
    "Broken", "Offer", "Plan", "Registry", "ReportOptions", "RunOptions", "SampleOptions", "SplitOptions", "Stage",
    "pipeline_schema",
]  # fmt: skip
