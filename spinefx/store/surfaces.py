"""Surfaces as binary PLY, which MeshLab, Blender, 3D Slicer and NiiVue open: one place for writing and reading."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import StoreError

_HEAD = (
    "ply\nformat binary_little_endian 1.0\ncomment millimetres, LPS\nelement vertex {}\n"
    "property float x\nproperty float y\nproperty float z\nelement face {}\n"
    "property list uchar int vertex_indices\nend_header\n"
)
_FACE = np.dtype([("n", "u1"), ("at", "<i4", (3,))])


def ply(vertices_mm: Any, faces: Any) -> bytes:
    """A surface of vertices (n, 3) and triangles (m, 3) as PLY; the same surface, the same bytes.

    Raises
    ------
    StoreError
        If the arrays have other shapes, or a face names a vertex that is not there.
    """
    points, corners = np.ascontiguousarray(vertices_mm, "<f4"), np.asarray(faces)
    if points.ndim != 2 or points.shape[1] != 3 or corners.ndim != 2 or corners.shape[1] != 3:
        raise StoreError(f"a surface needs (n, 3) vertices and (m, 3) faces, got {points.shape} and {corners.shape}")
    if corners.size and not (corners.min() >= 0 and corners.max() < len(points)):
        raise StoreError(f"a surface of {len(points)} vertices has faces that name others")
    listed = np.empty(len(corners), _FACE)
    listed["n"], listed["at"] = 3, corners
    return _HEAD.format(len(points), len(corners)).encode() + points.tobytes() + listed.tobytes()


def surface_of(content: bytes) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (n, 3) and faces (m, 3) of what `ply` wrote.

    Raises
    ------
    StoreError
        If it is anything else.
    """
    head, found, body = content.partition(b"end_header\n")
    counts = [int(line.split()[-1]) for line in head.split(b"\n") if line.startswith(b"element ")] if found else []
    if len(counts) != 2 or _HEAD.format(*counts).encode() != head + found:
        raise StoreError("not a surface that spinefx wrote")
    split = counts[0] * 12
    if len(body) != split + counts[1] * _FACE.itemsize:
        raise StoreError(f"a surface is cut short: {len(body)} bytes for {counts[0]} vertices and {counts[1]} faces")
    vertices = np.frombuffer(body[:split], "<f4").reshape(-1, 3)
    faces = np.frombuffer(body[split:], _FACE)["at"]
    if faces.size and not (faces.min() >= 0 and faces.max() < len(vertices)):
        raise StoreError("a surface's faces name vertices that it does not have")
    return vertices.astype(np.float32), faces.astype(np.int32)
