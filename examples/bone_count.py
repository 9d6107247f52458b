from pydantic import BaseModel, Field
from spinefx.api import Features, Plugin, Scan, hookimpl

class Options(BaseModel, frozen=True, extra="forbid"):
    minimum_ml: float = Field(1.0, gt=0, description="ignore smaller bones, in ml")

class BoneCount:
    def __init__(self, options: Options):
        self.options = options

    def measure(self, scan: Scan) -> Features:
        sizes = {s.name: scan.mask.volume_ml(s) for s in scan.mask.structures("vertebra")}
        count = sum(size >= self.options.minimum_ml for size in sizes.values())
        return Features.of_case(scan.case, {"count": count})

@hookimpl
def spinefx_geometry_analysers():
    return [Plugin(name="bone-count", api=1, version=1, summary="How many vertebrae are in view.",
                   options=Options, build=BoneCount)]
