"""The report as a folder of files."""
