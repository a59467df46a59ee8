"""What classifiers are called in words."""

from __future__ import annotations

import re

from . import Classifier

__all__ = ["classifier_label", "classifier_name"]


def classifier_name(cls: type[Classifier]) -> str:
    """The name of a class of classifiers in words.

    Examples
    --------
    >>> import asymptotics as asy
    >>> from asymptotics.plots import classifier_name
    >>> classifier_name(asy.MaxMargin), classifier_name(asy.SVM)
    ('max margin', 'SVM')
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", cls.__name__)
    return " ".join(word if word.isupper() else word.lower() for word in words)


def classifier_label(clf: Classifier) -> str:
    """Its name and penalty, for people."""
    name, penalty = classifier_name(type(clf)), getattr(clf, "penalty", None)
    return name if penalty is None else f"{name}, λ = {penalty:g}"
