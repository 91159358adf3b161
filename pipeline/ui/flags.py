"""Flags declared once: the fields of a configuration dataclass are the flags of a binary.

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Config(Validated):
        seed: int = option(0, help="Seed of the shuffle.", at_least=0)

`define(Config)` makes the absl flag --seed, `read(Config)` makes a Config of the command line. Field types are
bool, int, float, str, any of them with `| None`, and tuple[str, ...], a flag that may be repeated.
"""

import dataclasses
import shlex
import typing
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from absl import flags

from densenet_ocr.pipeline.errors import check_setting

_KEY = "option"

Config = TypeVar("Config")


@dataclasses.dataclass(frozen=True)
class Option:
    """What a flag knows beside its field's name, type and default.

    `flag` is its name where the field has another one, `alias` an older name that still works. `comma` makes a
    tuple one flag of comma-separated values. Limits and choices do not apply to None.
    """

    help: str
    choices: Sequence[str] = ()
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    flag: str = ""
    alias: str = ""
    comma: bool = False


def option(default: Any = dataclasses.MISSING, *, help: str, **settings: Any) -> Any:
    """Declares a field that is a flag; without a default the flag is required. See Option for `settings`."""
    return dataclasses.field(default=default, metadata={_KEY: Option(help, **settings)})


def validate(config: Any) -> None:
    """Checks every field of a configuration; called from the __post_init__ of `Validated`.

    Raises:
      UserError: a value is not one of its choices or is outside of its limits.
    """
    for name, field, declared in _list_options(type(config)):
        value = getattr(config, field.name)
        if value is not None:
            _check(name, value, declared)


class Validated:
    """Base of a configuration whose fields are checked when it is made, by `validate`."""

    def __post_init__(self) -> None:
        validate(self)


def define(*configs: type) -> list[flags.Flag]:
    """Defines the flags of configuration dataclasses and returns them."""
    names = []
    for config in configs:
        hints = typing.get_type_hints(config)
        for name, field, declared in _list_options(config):
            _define_flag(name, hints[field.name], field.default, declared)
            names.append(name)
            if declared.alias:
                flags.DEFINE_alias(declared.alias, name)
    return [flags.FLAGS[name] for name in names]


def read(config: type[Config], **defaults: Any) -> Config:
    """A configuration of what the command line gives, then of `defaults`, then of the fields' own defaults.

    Raises:
      UserError: the configuration refuses a value.
    """
    return config(**{**defaults, **_read_given(config)})


def list_values(config: Any) -> dict[str, Any]:
    """Returns the values of a configuration, and of configurations in it, by the names of their flags."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            values |= list_values(value)
        elif _KEY in field.metadata:
            values[field.metadata[_KEY].flag or field.name] = value
    return values


def format_flag(name: str, value: Any) -> str:
    """Returns a flag as a command line has it; one that can only be left out as `no --name`."""
    if value is None:
        return f"no --{name}"
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    return f"--{name}={shlex.quote(','.join(value) if isinstance(value, tuple) else str(value))}"


def _read_given(config: type) -> dict[str, Any]:
    """Values of the flags that the command line has, by the names of fields."""
    given = {}
    for name, field, _ in _list_options(config):
        flag = flags.FLAGS[name]
        if flag.present or flag.value != flag.default:
            given[field.name] = tuple(flag.value) if isinstance(flag.value, list) else flag.value
    return given


def _list_options(config: type) -> list[tuple[str, dataclasses.Field, Option]]:
    """Names of flags, with their fields and options."""
    fields = [field for field in dataclasses.fields(config) if _KEY in field.metadata]
    return [(field.metadata[_KEY].flag or field.name, field, field.metadata[_KEY]) for field in fields]


def _define_flag(name: str, hint: Any, default: Any, declared: Option) -> None:
    required = default is dataclasses.MISSING
    value: Any = None if required else default
    settings: dict[str, Any] = {"required": required}
    if typing.get_origin(hint) is tuple:
        define_list: Callable[..., Any] = flags.DEFINE_list if declared.comma else flags.DEFINE_multi_string
        define_list(name, None if required else list(value), declared.help, **settings)
    elif declared.choices:
        flags.DEFINE_enum(name, value, list(declared.choices), declared.help, **settings)
    else:
        kind, *_ = typing.get_args(hint) or (hint,)  # the first one of `int | None`
        _DEFINITIONS[kind](name, value, declared.help, **settings)


_DEFINITIONS: dict[type, Callable[..., Any]] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}


def _check(name: str, value: Any, declared: Option) -> None:
    if declared.choices:
        values = value if isinstance(value, tuple) else (value,)
        check_setting(name, value, all(v in declared.choices for v in values), ", ".join(declared.choices))
    limits = [
        (declared.at_least, lambda limit: value >= limit, "{} or more"),
        (declared.above, lambda limit: value > limit, "more than {}"),
        (declared.at_most, lambda limit: value <= limit, "at most {}"),
        (declared.below, lambda limit: value < limit, "less than {}"),
    ]
    asked = [(limit, holds, words) for limit, holds, words in limits if limit is not None]
    expected = ", ".join(words.format(limit) for limit, _, words in asked)
    check_setting(name, value, all(holds(limit) for limit, holds, _ in asked), expected)
