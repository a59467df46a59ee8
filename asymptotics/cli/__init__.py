"""The command line: options, configurations, and what is printed, thin over the library."""
