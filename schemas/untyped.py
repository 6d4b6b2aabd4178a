"""Names for what no narrower type fits: schemas are JSON values, and a field holds any Avro value."""

from typing import Any

AvroSchema = Any
AvroValue = Any
