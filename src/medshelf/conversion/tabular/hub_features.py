"""Column types of the library `datasets`: in a Parquet file, in a card, and as those of Arrow.

Source: https://huggingface.co/docs/datasets/about_dataset_features
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from medshelf.core.errors import MissingExtraError

Feature = dict[str, Any]
"""A type as `datasets` writes it in JSON; a mapping without `_type` is a struct."""

IMAGE: Feature = {"_type": "Image"}
NIFTI: Feature = {"_type": "Nifti"}


def value(dtype: str) -> Feature:
    """Return the type of one value, e.g. `string`, `float32`."""
    return {"dtype": dtype, "_type": "Value"}


def classes(names: Sequence[str]) -> Feature:
    """Return the type of codes, which stand for names."""
    return {"names": list(names), "_type": "ClassLabel"}


def many(feature: Feature) -> Feature:
    """Return the type of a list."""
    return {"feature": feature, "_type": "List"}


def arrow_schema(features: Mapping[str, Feature]) -> Any:
    """Return the schema of a Parquet file with these columns, `pyarrow.Schema`.

    Raises:
        MissingExtraError: PyArrow is not installed.
    """
    pa = arrow()
    said = json.dumps({"info": {"features": dict(features)}}, ensure_ascii=False)
    fields = [(name, _arrow(pa, each)) for name, each in features.items()]
    return pa.schema(fields, metadata={"huggingface": said})


def arrow() -> Any:
    """Return the module `pyarrow`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped, import-not-found, unused-ignore]
        import pyarrow.parquet  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    return pa


def yaml_features(features: Mapping[str, Feature]) -> list[dict[str, Any]]:
    """Return the columns as the head of a card names them."""
    return [{"name": name, **_yaml(each)} for name, each in features.items()]


def _arrow(pa: Any, feature: Feature) -> Any:
    kind = feature.get("_type")
    if kind == "Value":
        return pa.type_for_alias(feature["dtype"])
    if kind == "ClassLabel":
        return pa.int64()
    if kind == "List":
        return pa.list_(_arrow(pa, feature["feature"]))
    if kind in ("Image", "Nifti"):
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.struct([(name, _arrow(pa, each)) for name, each in feature.items()])


def _yaml(feature: Feature) -> dict[str, Any]:
    kind = feature.get("_type")
    if kind == "Value":
        return {"dtype": feature["dtype"]}
    if kind == "ClassLabel":
        names = {str(code): name for code, name in enumerate(feature["names"])}
        return {"dtype": {"class_label": {"names": names}}}
    if kind == "List":
        inner = _yaml(feature["feature"])
        alone = next(iter(inner.values()))
        return {"list": alone if list(inner) in (["dtype"], ["struct"]) else inner}
    if kind:
        return {"dtype": re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()}
    return {"struct": yaml_features(feature)}
