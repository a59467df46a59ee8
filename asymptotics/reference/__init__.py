"""The limits to any number of digits, by routes that share no code with the fast solver.

- ``limit``: accuracy, error and order parameters of every classifier, each digit certified;
- ``separability_threshold``: where the classes become separable;
- ``ReferenceLimit``: what ``limit`` returns;
- ``ReferenceClassLimit``: what it returns on K classes.

The arithmetic is mpmath's, in a context of its own; the equations are written out once
more. What the two routes have in common is the dataclasses that define a
problem.
"""

from .classes import ReferenceClassLimit
from .limits import ReferenceLimit, limit
from .thresholds import separability_threshold

__all__ = ["ReferenceClassLimit", "ReferenceLimit", "limit", "separability_threshold"]
