"""What is wrong with a story's file: each fault with its place, what was expected there, and how to mend it.

A place counts from one, as a person does: `step 3, act 2, event.source.reliability`. The file is the reader's own, so
that a place may name what stands in it.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args, get_origin

from pydantic import BaseModel, ValidationError

from schemas.models.validation import in_words

Loc: TypeAlias = tuple[int | str, ...]

_COUNTED: Final = frozenset({"agency", "feed", "step", "act", "expect", "alerts", "unseen"})
"""Tables of which there are several: their number is part of the place."""
READ: Final = "See `bus/exercise/README.md` for the format, and `tocsin exercise example` for a whole story."


class Fault(NamedTuple):
    """One thing to mend."""

    place: str
    expected: str
    remedy: str = READ

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.place}: expected {self.expected}. {self.remedy}"


def place_of(loc: Loc) -> str:
    """The place as a person finds it: `step 3, act 2, event.source`."""
    parts: list[str] = []
    for part in loc:
        if isinstance(part, int):
            if parts and parts[-1] in _COUNTED:
                parts[-1] = f"{parts[-1]} {part + 1}"
            elif parts:
                parts[-1] += f"[{part + 1}]"
        else:
            parts.append(part)
    out = ""
    for before, part in zip(["", *parts], parts, strict=False):
        counted = before.partition(" ")[0] in _COUNTED or part.partition(" ")[0] in _COUNTED
        out += ("" if not out else ", " if counted else ".") + part
    return out or "the file"


def faults_of(error: ValidationError, model: type[BaseModel], under: Loc = ()) -> Iterator[Fault]:
    """Everything that pydantic finds wrong with what stands at `under`."""
    errors = error.errors(include_url=False, include_input=False)
    for one in errors:
        if one["type"] == "too_short" and any(_is_within(other["loc"], one["loc"]) for other in errors):
            continue  # a list whose items are at fault is short of them
        loc, known = _walk(model, one["loc"])
        place = place_of((*under, *loc))
        if one["type"] == "extra_forbidden":
            yield Fault(place, "no key of this name", _known_keys(str(loc[-1]), known))
        elif one["type"] in ("union_tag_invalid", "union_tag_not_found"):
            yield Fault(f"{place}, do", f"one of {', '.join(_kinds(known))}")
        else:
            yield Fault(place, in_words(one["type"], one.get("ctx", {})))


def _is_within(loc: Loc, of: Loc) -> bool:
    return len(loc) > len(of) and loc[: len(of)] == of


def _known_keys(key: str, known: Sequence[type[BaseModel]]) -> str:
    names = [field.alias or name for model in known for name, field in model.model_fields.items()]
    near = difflib.get_close_matches(key, names, 1)
    return (f"Did you mean `{near[0]}`? " if near else "") + f"The keys here are: {', '.join(names)}."


def _walk(model: type[BaseModel], loc: Loc) -> tuple[Loc, list[type[BaseModel]]]:
    """The place without the names of kinds that pydantic puts into it, and the models that stand where it ends."""
    found: list[type[BaseModel]] = [model]
    kept: list[int | str] = []
    for part in loc:
        tagged = [one for one in found if part in _kinds([one])]
        if tagged:
            found = tagged
            continue
        kept.append(part)
        if isinstance(part, int):
            continue
        fields = [_fields(one).get(part) for one in found]
        inner = [one for annotation in fields if annotation is not None for one in _models(annotation)]
        found = inner or found
    return tuple(kept), found


def _fields(model: type[BaseModel]) -> Mapping[str, Any]:
    return {key: field for name, field in model.model_fields.items() for key in (name, field.alias or name)}


def _kinds(models: Sequence[type[BaseModel]]) -> list[str]:
    """What `do` may say."""
    return [kind for one in models if "do" in one.model_fields for kind in get_args(one.model_fields["do"].annotation)]


def _models(of: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any annotation
    """The models that an annotation speaks of."""
    annotation = getattr(of, "annotation", of)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not Literal:
        for one in get_args(annotation):
            yield from _models(one)
