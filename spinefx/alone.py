"""One stage by itself, without a TOML: on images that another library has read.

import spinefx
scan = spinefx.scan({"t2": image}, mask=mask, scheme="spider")     # SimpleITK, itk, nibabel, MONAI, or Volume
spinefx.stage("disc").measure(scan)                                # Features
spinefx.stage("resample", spacing_mm=1.0).process(scan)            # Scan
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from spinefx import bridge
from spinefx.contract.case import Case
from spinefx.contract.errors import PluginError
from spinefx.contract.orient import oriented
from spinefx.contract.scan import LabelMap, Scan
from spinefx.contract.scheme import Scheme
from spinefx.plan import Registry


def scan(
    images: Mapping[str, Any] | None = None,
    *,
    mask: Any = None,
    scheme: Scheme | str = "spider",
    case: str = "scan",
    patient: str = "",
) -> Scan:
    """Images and mask of one case, laid out as a run hands them to its stages (array axes head, back, left).

    images : modality -> image of SimpleITK, itk, nibabel or MONAI, or a Volume.   mask : the same, or a LabelMap.
    scheme : what the mask's values mean.   patient : the case's, whose id is taken where it is empty.

    Raises
    ------
    DataError
        If an image is of no library that is known; GridError, SchemeError where geometry or values are not sane.
    """
    volumes = {name: bridge.volume(image) for name, image in (images or {}).items()}
    labels = mask if mask is None or isinstance(mask, LabelMap) else bridge.labels(mask, scheme)
    return oriented(Scan(Case(case, patient or case), volumes, labels))


def stage(name: str, *, kind: str = "", **options: Any) -> Any:
    """The stage object of a plugin, ready to work: `.measure(scan)`, `.process(scan)`, `.segment(scan)` and so on.

    name : as in the TOML.   kind : where plugins of several kinds have that name.   options : as in its TOML table.

    Raises
    ------
    PluginError
        If no plugin, or more than one, has that name, or an option is wrong.
    """
    registry = _registry()
    found = [offer for offer in registry.find(name) if kind in ("", offer.kind)]
    if len(found) != 1:
        kinds = ", ".join(offer.kind for offer in found)
        known = ", ".join(sorted({offer.name for offer in registry.offers()}))
        raise PluginError(
            f"{name!r} is of several kinds ({kinds}); say kind=" if found else f"no plugin {name!r}; {known}"
        )
    plugin = found[0].plugin
    try:
        return plugin.build(plugin.options.model_validate(options))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PluginError(f"{name}: {told}   (spinefx plugins show {name})") from error


@lru_cache(maxsize=1)
def _registry() -> Registry:
    return Registry.discover()
