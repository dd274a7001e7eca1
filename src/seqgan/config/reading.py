"""Configuration files: YAML of a size that a person writes."""

from pathlib import Path
from typing import Any

import yaml

from seqgan.config.problems import ConfigError

LARGEST_FILE = 2**18
"""Bytes of a configuration file: reading YAML takes about 100 µs a byte at worst."""
MOST_VALUES = 100_000
"""Values that a configuration may hold, those that an alias repeats counted each time."""


def read(path: Path) -> dict[Any, Any]:
    """Return the mapping in a YAML file; raise :class:`ConfigError` if it holds none."""
    try:
        content = path.read_bytes()
        if len(content) > LARGEST_FILE:
            raise ConfigError(f"{path} is no configuration: it has {len(content):,} bytes")
        settings = _parse(content.decode())
    except FileNotFoundError:
        raise ConfigError(f"no such configuration file: {path}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise ConfigError(f"{path} is no configuration: it is nested too deep") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        # The last three: what PyYAML does with `2020-99-99`, `!!bool perhaps` and `!!timestamp x`.
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} must hold a mapping with `run` and `experiments`")
    return settings


def _parse(text: str) -> Any:
    """Return what YAML says, of which no alias makes more than the file could hold itself."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        _check_nodes(node)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _check_nodes(root: yaml.Node | None) -> None:
    """Raise ``ValueError`` for nodes that stand for too many values.

    Before they become values: merging (`<<`) copies what an alias names.
    """
    level, size = [root], 1
    while level:
        level = [child for node in level for child in _children(node)]
        size += len(level)
        if size > 4 * MOST_VALUES:  # keys count here too
            raise ValueError(f"its aliases stand for more than {MOST_VALUES} values")


def _children(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
