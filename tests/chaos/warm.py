"""What every process of a field needs, made once in the process that they are forked from: they start in a moment.

Code, models and schemas, as shipped; no home, no log, no key.
"""

from importlib import import_module

from pydantic import BaseModel

import schemas.models
from schemas.registry import newest, pins

for name in ("bus.cli.run", "bus.metrics", "bus.operate.keys", "bus.stages.run", "tests.chaos.processes"):
    import_module(name)
for model in vars(schemas.models).values():
    if isinstance(model, type) and issubclass(model, BaseModel):
        model.model_rebuild()
for pin in pins():
    newest(pin.kind)
