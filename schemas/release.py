"""Release schemas: `python -m schemas.release` writes the next version of each kind whose model changed, and pins it.

A released file is never written again. Nothing is written where the lint or the compatibility gate objects.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.compatibility import incompatibilities
from schemas.export import export
from schemas.kinds import MODEL_OF_KIND
from schemas.lint import lint, lint_history
from schemas.registry import Pin, sha256_fingerprint, single_object_prefix
from schemas.untyped import AvroSchema


def released(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the released schemas of a kind, oldest first."""
    paths = sorted(folder.glob(f"{kind}.v*.avsc"), key=lambda path: int(path.suffixes[-2][2:]))
    return [json.loads(path.read_text("utf-8")) for path in paths]


def objections(versions: Sequence[dict[str, Any]]) -> list[str]:
    """Return what speaks against the newest of some versions of one kind."""
    return [*lint(versions[-1]), *lint_history(versions), *incompatibilities(versions)]


def undocumented(schema: AvroSchema) -> AvroSchema:
    """Return a schema without its documentation: better words are no new version."""
    if isinstance(schema, list):
        return [undocumented(part) for part in schema]
    if isinstance(schema, dict):
        return {key: undocumented(part) for key, part in schema.items() if key != "doc"}
    return schema


def release(folder: Path) -> list[str]:
    """Write and pin what is new; return what speaks against it, in which case nothing is written."""
    versions = {kind: released(folder, kind) for kind in MODEL_OF_KIND}
    for kind, model in MODEL_OF_KIND.items():
        candidate = export(model)
        if not versions[kind] or undocumented(versions[kind][-1]) != undocumented(candidate):
            versions[kind].append(candidate)
    found = [f"{kind}: {objection}" for kind, schemas in versions.items() for objection in objections(schemas)]
    if not found:
        _write(folder, versions)
    return found


def _write(folder: Path, versions: dict[str, list[dict[str, Any]]]) -> None:
    pins = []
    for kind, schemas in versions.items():
        for number, schema in enumerate(schemas, 1):
            path = folder / f"{kind}.v{number}.avsc"
            if not path.exists():
                path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", "utf-8")
            pins.append(Pin(kind, number, sha256_fingerprint(schema), single_object_prefix(schema).hex())._asdict())
    (folder / "pins.json").write_text(json.dumps(pins, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    complaints = release(Path(__file__).parent / "avro")
    sys.stderr.writelines(f"{complaint}\n" for complaint in complaints)
    sys.exit(1 if complaints else 0)
