"""Running trials: jobs, what travels to workers, and what is kept on disk."""
