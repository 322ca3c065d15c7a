"""Implementation of the gin front end."""
