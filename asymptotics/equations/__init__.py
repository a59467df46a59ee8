"""The equations of the limit, and how they are solved."""
