"""What a network's layers cost: `rheobase.explain`, and times that take turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rheobase.core.execution.profiler_rows import named_rows
from rheobase.lazy_exports import lazily

if TYPE_CHECKING:
    from rheobase.profiling.explanation import Explanation, Layer, Whole

__all__ = ["Explanation", "Layer", "Whole", "named_rows"]

__getattr__ = lazily(__name__, {"Explanation": "explanation", "Layer": "explanation", "Whole": "explanation"})
