"""PET to SUVbw: what a voxel's value is multiplied with, from the headers that each vendor writes.

SUVbw = Bq/ml x weight in g / (injected Bq x 2^-(scan - injection)/half-life). What is missing is named, never guessed.

Notes
-----
QIBA's vendor-neutral pseudo-code for SUV (qibawiki.rsna.org, Standardized Uptake Value); DICOM PS3.3 C.8.9.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from spinefx.api import DataError

MOST_HALF_LIVES = 10.0
"""A scan later than this after the injection would be of nothing."""

_APART_S = 60.0
_DATE = re.compile(r"(\d{4})[.]?(\d{2})[.]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d+)?")


def suv_factor(header: Mapping[str, Any]) -> float:
    """SUVbw per unit of the rescaled voxel value.

    Parameters
    ----------
    header : mapping
        Values by DICOM keyword, those of RadiopharmaceuticalInformationSequence among them. Private ones:
        `PhilipsPETPrivateGroup` (a mapping of `SUVScaleFactor`, (7053,xx00), and `ActivityConcentrationScaleFactor`,
        (7053,xx09)), and `GEPrivateScanDateTime`, (0009,xx0d).

    Raises
    ------
    DataError
        Naming the header that is missing or does not allow it: no attenuation or decay correction, units other than
        BQML, CNTS (Philips) and GML, no weight, dose, half-life or times, an injection after the scan.
    """
    units = _text(header, "Units").upper()
    if units == "GML":
        kind = _text(header, "SUVType", default="BW").upper()
        if kind != "BW":
            raise DataError(f"SUVType is {kind[:16]!r}, wanted BW; lean-body and surface SUV are not turned into SUVbw")
        return 1.0
    if units not in ("BQML", "CNTS"):
        raise DataError(f"Units is {units[:16]!r}, wanted BQML, GML, or CNTS with Philips's private factors")
    corrected = {part.strip().upper() for part in _list(header, "CorrectedImage")}
    if missing := [word for word in ("ATTN", "DECY") if word not in corrected]:
        raise DataError(
            f"CorrectedImage lacks {' and '.join(missing)}: not corrected for attenuation and decay, no SUV"
        )
    if units == "BQML":
        return _from_activity(header)
    private = header.get("PhilipsPETPrivateGroup") or {}
    if (factor := _number(private, "SUVScaleFactor")) > 0:
        return factor
    if (activity := _number(private, "ActivityConcentrationScaleFactor")) > 0:
        return activity * _from_activity(header)
    raise DataError(
        "Units is CNTS without Philips's private SUVScaleFactor (7053,1000) or ActivityConcentrationScaleFactor "
        "(7053,1009); export the series with its private headers"
    )


def _from_activity(header: Mapping[str, Any]) -> float:
    """SUVbw per Bq/ml."""
    weight_g = 1000.0 * _positive(header, "PatientWeight")
    dose = _positive(header, "RadionuclideTotalDose")
    if not 1.0 <= weight_g / 1000.0 <= 500.0:
        raise DataError(f"PatientWeight is {weight_g / 1000.0:g}, wanted kg in 1..500")
    if dose < 1e5:
        raise DataError(f"RadionuclideTotalDose is {dose:g}, wanted Bq; it looks like MBq")
    correction = _text(header, "DecayCorrection").upper()
    if correction == "ADMIN":
        return weight_g / dose
    if correction != "START":
        raise DataError(f"DecayCorrection is {correction[:16]!r}, wanted START or ADMIN")
    half_life = _positive(header, "RadionuclideHalfLife")
    waited = _waited_s(header, half_life)
    return weight_g / (dose * math.exp2(-waited / half_life))


def _waited_s(header: Mapping[str, Any], half_life: float) -> float:
    """Seconds from injection to the moment that the voxels are decay-corrected to."""
    scan = _scan_time(header, half_life)
    start = _clock(header, "RadiopharmaceuticalStartTime", needed=False)
    stamp = _text(header, "RadiopharmaceuticalStartDateTime", default="")
    if stamp and _TIME.match(stamp.strip()[8:]):
        injected = _moment(stamp[:8], stamp[8:], "RadiopharmaceuticalStartDateTime")
        if start is not None and abs((injected - _midnight(injected)).total_seconds() - start) > _APART_S:
            raise DataError(
                "RadiopharmaceuticalStartTime and RadiopharmaceuticalStartDateTime name different times of day; "
                "keep the true one"
            )
    elif start is not None:
        injected = _midnight(scan) + timedelta(seconds=start)
        if injected > scan:
            injected -= timedelta(days=1)
    else:
        raise DataError(
            "has no RadiopharmaceuticalStartTime and no RadiopharmaceuticalStartDateTime: when was it given?"
        )
    waited = (scan - injected).total_seconds()
    if not 0.0 <= waited <= MOST_HALF_LIVES * half_life:
        raise DataError(
            f"the scan lies {waited / 3600:.1f} h after the injection, wanted 0..{MOST_HALF_LIVES:g} half-lives; "
            "were dates changed? RadiopharmaceuticalStartDateTime and SeriesDate must agree"
        )
    return waited


def _scan_time(header: Mapping[str, Any], half_life: float) -> datetime:
    """The moment that START means: the series' begin, unless a later processing wrote it anew."""
    series = _moment(_text(header, "SeriesDate"), _text(header, "SeriesTime"), "SeriesTime")
    if not _text(header, "AcquisitionTime", default=""):
        raise DataError("has no AcquisitionTime: was SeriesTime written by the scanner or by a later processing?")
    acquired = _moment(_text(header, "AcquisitionDate"), _text(header, "AcquisitionTime"), "AcquisitionTime")
    if series <= acquired:
        return series
    if stamp := _text(header, "GEPrivateScanDateTime", default=""):
        return _moment(stamp[:8], stamp[8:], "GE's private scan time (0009,100d)")
    offset, duration = _number(header, "FrameReferenceTime") / 1000.0, _number(header, "ActualFrameDuration") / 1000.0
    if offset <= 0 or duration <= 0:
        raise DataError(
            "SeriesTime lies after AcquisitionTime (a processed series), and FrameReferenceTime and ActualFrameDuration "
            "do not tell when the scan began"
        )
    decay = math.log(2.0) / half_life
    lost = decay * duration
    average = math.log(lost / -math.expm1(-lost)) / decay
    return acquired + timedelta(seconds=average - offset)


def _moment(date: str, time: str, name: str) -> datetime:
    match = _DATE.match(date.strip())
    seconds = _seconds(time)
    if match is None or seconds is None:
        raise DataError(f"{name} or its date cannot be read as a time")
    try:
        return datetime(int(match[1]), int(match[2]), int(match[3])) + timedelta(seconds=seconds)
    except ValueError:
        raise DataError(f"{name}'s date is no day of the calendar") from None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _clock(header: Mapping[str, Any], name: str, *, needed: bool = True) -> float | None:
    """Seconds since midnight."""
    text = _text(header, name, default=None if needed else "")
    if not text:
        return None
    seconds = _seconds(text)
    if seconds is None:
        raise DataError(f"{name} cannot be read as a time of day")
    return seconds


def _seconds(text: str) -> float | None:
    match = _TIME.match(text.strip())
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return 3600.0 * hours + 60.0 * minutes + seconds + float(match[4] or 0.0)


def _text(header: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    value = header.get(name)
    text = "" if value is None else str(value).strip()
    if text:
        return text
    if default is None:
        raise DataError(f"has no {name}, which SUV needs; complete the header, or set raw_pet = true")
    return default


def _list(header: Mapping[str, Any], name: str) -> list[str]:
    value = header.get(name)
    if value is None or value == "":
        raise DataError(f"has no {name}, which SUV needs; complete the header, or set raw_pet = true")
    return [str(value)] if isinstance(value, str) else [str(part) for part in value]


def _number(header: Mapping[str, Any], name: str) -> float:
    """A finite number, 0 where it is missing or none."""
    try:
        value = float(str(header.get(name, "")).strip() or 0.0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _positive(header: Mapping[str, Any], name: str) -> float:
    value = _number(header, name)
    if value <= 0:
        raise DataError(f"has no {name} above 0, which SUV needs; complete the header, or set raw_pet = true")
    return value
