"""What a share of a few says of all: the bounds between which it lies with 95 % certainty."""

from __future__ import annotations

import math

_SURE = 1.96  # standard errors


def bounds(count: int, total: int) -> tuple[float, float]:
    """The bounds that `count` of `total` (1 or more) prove: Wilson's interval (E. B. Wilson, JASA 22, 1927)."""
    share, square = count / total, _SURE**2
    middle = share + square / (2 * total)
    margin = _SURE * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return max(0.0, (middle - margin) / (1 + square / total)), min(1.0, (middle + margin) / (1 + square / total))
