"""What the estimators' solvers share."""
