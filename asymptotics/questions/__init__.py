"""Questions asked of a limit: how accurate, how it moves, where it is largest."""
