"""One stage table of a plan, resolved to a plugin and its options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from spinefx.contract.encoder import Encoder
from spinefx.contract.errors import DataError, PluginError
from spinefx.contract.stages import Augmenter, Evaluator, LatentAnalyser, Loader, Preprocessor, ScanAnalyser, Segmenter
from spinefx.plan.offers import Offer

_PROTOCOLS: dict[str, type] = {
    "loader": Loader,
    "segmenter": Segmenter,
    "preprocessor": Preprocessor,
    "augmenter": Augmenter,
    "encoder": Encoder,
    "geometry_analyser": ScanAnalyser,
    "evaluator": Evaluator,
}


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage table, resolved.

    kind : one of `KINDS`.   use : as typed.   offer : the plugin and its distribution.   options : its model, frozen.
    """

    kind: str
    use: str
    offer: Offer
    options: BaseModel

    @property
    def name(self) -> str:
        """The plugin's name, without a distribution."""
        return self.offer.name

    @property
    def scope(self) -> str:
        """For geometry analysers: `scan` or `latents`."""
        return self.offer.plugin.scope

    def build(self) -> Any:
        """The stage object.

        Raises
        ------
        PluginError
            If the plugin cannot be built, or what it builds lacks a method that its kind must have.
        """
        who = f"{self.kind.replace('_', ' ')} '{self.name}' from {self.offer.origin}"
        try:
            stage = self.offer.plugin.build(self.options)
        except Exception as error:
            raise PluginError(f"{who} cannot be built: {type(error).__name__}: {error}") from error
        latents = self.kind == "geometry_analyser" and self.scope == "latents"
        protocol = LatentAnalyser if latents else _PROTOCOLS[self.kind]
        methods = [name for name in vars(protocol) if not name.startswith("_")]
        missing = [name for name in methods if not callable(getattr(stage, name, None))]
        if missing:
            raise PluginError(f"{who} builds a {type(stage).__name__} without {', '.join(f'`{m}`' for m in missing)}")
        return stage

    def with_options(self, **changes: Any) -> Stage:
        """The same stage with some options changed; DataError where the plugin has no such option or value."""
        try:
            options = type(self.options).model_validate({**self.options.model_dump(by_alias=True), **changes})
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise DataError(f"{self.name} cannot have {changes}: {told}") from error
        return replace(self, options=options)

    def options_json(self) -> dict[str, Any]:
        """The options as plain JSON, paths absolute: for cache keys and records."""
        dumped: dict[str, Any] = self.options.model_dump(mode="json", by_alias=True)
        return dumped

    def in_words(self) -> str:
        """The stage with the options that are not its defaults, for people: `resample (spacing_mm = 1.0)`."""
        fields = type(self.options).model_fields
        chosen = {
            n: getattr(self.options, n)
            for n in fields
            if getattr(self.options, n) != fields[n].get_default(call_default_factory=True)
        }
        words = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        return f"{self.use} ({words})" if words else self.use

    def to_json(self) -> dict[str, Any]:
        """The stage table, with every default."""
        return {"use": self.use, **self.options_json()}
